# A port where journals come in, with nginx behind it: the part that services.NAME of the archive and of the
# search have in common. `path` is where machines send to, `receiver` who gets it on this machine.
{
  name,
  port,
  path,
  receiver,
}:
{ config, lib, ... }:
let
  cfg = config.services.${name};
in
{
  imports = [ (import ./senders.nix name) ];

  options.services.${name} = {
    port = lib.mkOption {
      type = lib.types.port;
      default = port;
      description = ''
        Port for journals, with mutual TLS. The machine needs the credentials `journal-receive.key`, `.cert`
        (its own) and `.ca` (the authority of the senders).
      '';
    };
    openFirewall = lib.mkOption {
      type = lib.types.bool;
      default = false;
      description = "Whether to open {option}`port` in the firewall, for anybody.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.nginx = {
      enable = true;
      appendHttpConfig = import ./journal-proxy.nix {
        inherit (cfg) port;
        inherit path receiver;
      };
    };
    systemd.services.nginx.serviceConfig = {
      ImportCredential = "journal-receive.*";
      MemoryMax = lib.mkDefault "64M";
    };
    networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall [ cfg.port ];
  };
}
