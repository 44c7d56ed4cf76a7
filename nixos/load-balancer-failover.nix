# services.uecho-load-balancer.failover: an address that several balancers share. The one that is well has it;
# when that one dies, or reaches no node, another one takes it (VRRP, RFC 9568, by keepalived).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.uecho-load-balancer;
  inherit (cfg) failover;
  user = "keepalived_script";
in
{
  config = lib.mkIf (cfg.enable && failover.enable) {
    assertions = [
      {
        assertion = failover.peers != [ ] && !lib.elem failover.source failover.peers;
        message = ''
          services.uecho-load-balancer.failover.peers = ${builtins.toJSON failover.peers}: name the other
          balancers, each by the address that it has as its failover.source, and not this one's own
          ("${failover.source}").
        '';
      }
    ];

    services.keepalived = {
      enable = true;
      openFirewall = cfg.openFirewall;
      enableScriptSecurity = true;
      # Version 2 knows whole seconds only.
      extraGlobalDefs = "vrrp_version 3";
      # Not whether HAProxy runs: a balancer that reaches no node must not keep the address either. No weight:
      # with noPreempt, a lower priority would not give the address away.
      vrrpScripts.ready = {
        script = lib.concatStringsSep " " [
          (lib.getExe pkgs.curl)
          "--fail"
          "--silent"
          "--max-time 1"
          "--output /dev/null"
          "http://127.0.0.1:${toString cfg.opsPort}/up"
        ];
        interval = 1;
        timeout = 1;
        fall = 2;
        rise = 2;
        inherit user;
      };
      vrrpInstances.public = {
        inherit (failover) interface priority;
        state = "BACKUP";
        # A balancer that is well again does not take the address back: that would cut connections.
        noPreempt = true;
        virtualRouterId = failover.routerId;
        # Networks of clouds have no multicast.
        unicastSrcIp = failover.source;
        unicastPeers = failover.peers;
        virtualIps = [ { addr = failover.address; } ];
        trackScripts = [ "ready" ];
        # Three that do not come, and a little: 0.8 s.
        extraConfig = "advert_int 0.2";
      };
    };

    systemd.services.keepalived.serviceConfig.MemoryMax = "64M";

    users = {
      users.${user} = {
        isSystemUser = true;
        group = user;
        description = "runs the check of keepalived";
      };
      groups.${user} = { };
    };
  };
}
