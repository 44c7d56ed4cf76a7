# services.uecho-load-balancer.tls.acme: a certificate that renews itself. Renewal is a reload of HAProxy,
# which costs no request.
{ config, lib, ... }:
let
  cfg = config.services.uecho-load-balancer;
  inherit (cfg.tls) acme challengeAddress;
in
{
  config = lib.mkIf (cfg.enable && acme != null) {
    services.uecho-load-balancer.tls.certificate = lib.mkDefault "${
      config.security.acme.certs.${acme}.directory
    }/full.pem";

    security.acme.certs.${acme} = {
      listenHTTP = challengeAddress;
      inherit (config.services.haproxy) group;
      reloadServices = [ "haproxy.service" ];
    };

    # There is a certificate before HAProxy reads it: one that it signs itself, if there is no other yet.
    systemd.services.haproxy = {
      wants = [ "acme-${acme}.service" ];
      after = [ "acme-${acme}.service" ];
    };

    # The authority asks there, whatever port clients use.
    networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall [ 80 ];
    assertions = [
      {
        assertion = cfg.port == 80;
        message = ''
          services.uecho-load-balancer.port = ${toString cfg.port}: with tls.acme, the certificate authority
          asks on port 80. Leave the port at 80, or set tls.certificate instead of tls.acme.
        '';
      }
    ];
  };
}
