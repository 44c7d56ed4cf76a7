# services.uecho-load-balancer: HAProxy in front of the nodes. A node that drains gets no new requests, one
# that dies costs none that can be repeated, and a new configuration costs none at all.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.uecho-load-balancer;
  node = cfg.serviceSettings;
  inherit (cfg) checks timeouts;

  milliseconds =
    text:
    let
      value = (import ./duration.nix { inherit lib; }).milliseconds text;
    in
    assert value != null;
    value;

  # A check has just passed when a node begins to drain; then each of the failed ones takes all of its time.
  noticed =
    milliseconds checks.interval
    + (checks.fall - 1) * milliseconds checks.fastInterval
    + checks.fall * milliseconds checks.timeout;

  # In KiB, for a client's connection and that to a node. HAProxy's own part is at most 10, with TLS 32
  # (measured, 3.0, 2,000 connections); the rest is for the buffers of sockets, which the kernel counts, too.
  perConnection = if cfg.tls.certificate == null then 48 else 128;
  ceiling = 64 + 2 * cfg.maxConnections * perConnection / 1024;

  file = config.environment.etc."haproxy.cfg".source;

  saveState = pkgs.writeShellApplication {
    name = "haproxy-save-state";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.socat
    ];
    text = lib.readFile ./haproxy-save-state.sh;
  };
in
{
  imports = [
    ./load-balancer-failover.nix
    ./load-balancer-options.nix
    ./load-balancer-tls.nix
  ];

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.servers != { };
        message = ''
          services.uecho-load-balancer.servers: there is none to send requests to.
          Name at least one node: servers.n1 = "10.0.0.3:8080";
        '';
      }
      {
        assertion = milliseconds node.drain.delay >= noticed;
        message = ''
          services.uecho-load-balancer: a node takes connections for serviceSettings.drain.delay =
          "${node.drain.delay}" after it began to stop, but its checks need up to ${toString noticed} ms to
          notice that: requests would be lost at each restart. Set drain.delay of the nodes to
          "${toString noticed}ms" or more, or lower checks.interval, fastInterval, timeout or fall.
        '';
      }
      {
        assertion = milliseconds timeouts.server > milliseconds node.limits.handler;
        message = ''
          services.uecho-load-balancer.timeouts.server = "${timeouts.server}" is not longer than
          serviceSettings.limits.handler = "${node.limits.handler}": the balancer would give up on answers
          that the node still works on. Set timeouts.server to more than that.
        '';
      }
      {
        # The kernel finds that out up to two of its questions later, which come each second.
        assertion =
          milliseconds timeouts.unacknowledged > 0
          && milliseconds timeouts.unacknowledged + 2000 < milliseconds timeouts.server;
        message = ''
          services.uecho-load-balancer.timeouts.unacknowledged = "${timeouts.unacknowledged}" does not end
          two seconds before timeouts.server = "${timeouts.server}": the requests of a node that has vanished
          would be errors before they go to another one. Set it to less, but to more than 0.
        '';
      }
      {
        assertion = milliseconds timeouts.keepAlive < milliseconds node.limits.idle;
        message = ''
          services.uecho-load-balancer.timeouts.keepAlive = "${timeouts.keepAlive}" is not shorter than
          serviceSettings.limits.idle = "${node.limits.idle}": the node would close connections that the
          balancer is about to use. Set timeouts.keepAlive to less than that.
        '';
      }
    ];

    services.haproxy = {
      enable = true;
      config = import ./haproxy-config.nix { inherit cfg lib; };
    };

    # HAProxy itself reads the file while the system is built.
    system.checks = lib.optional (pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform) (
      pkgs.runCommand "haproxy-cfg-check" { nativeBuildInputs = [ pkgs.openssl ]; } ''
        openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=check -keyout key -out certificate
        cat certificate key > pem
        # The certificate of the machine is not here.
        sed "s|ssl crt [^ ]*|ssl crt $PWD/pem|" ${file} > cfg
        ${lib.getExe config.services.haproxy.package} -c -f cfg
        touch "$out"
      ''
    );

    systemd.services.haproxy = {
      # A changed file is a reload: the new process inherits the listeners and the states of the nodes, and
      # the old one finishes what it has begun.
      reloadTriggers = [ file ];
      stopIfChanged = false;
      # Without the states, each node would count as up until its checks have failed.
      serviceConfig = {
        ExecReload = lib.mkBefore [ "-${lib.getExe saveState}" ];
        MemoryMax = lib.mkDefault "${toString ceiling}M";
      };
    };

    networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall (
      [ cfg.port ]
      ++ lib.optional (cfg.tls.certificate != null) cfg.tls.port
      ++ lib.optional (cfg.monitoringNetworks != [ ]) cfg.opsPort
    );
  };
}
