# services.uecho-log-search: VictoriaLogs takes the journals of all machines and answers questions about them.
# It listens on loopback; nginx in front of it lets machines with a certificate write, and nothing else.
{
  config,
  lib,
  ...
}:
let
  cfg = config.services.uecho-log-search;
  local = "127.0.0.1:9428";
in
{
  options.services.uecho-log-search = {
    enable = lib.mkEnableOption "the search in the journals of all machines";
    port = lib.mkOption {
      type = lib.types.port;
      default = 9443;
      description = ''
        Port for journals, with mutual TLS. The machine needs the credentials `journal-receive.key`, `.cert`
        (its own) and `.ca` (the authority of the senders).
      '';
    };
    retention = lib.mkOption {
      type = lib.types.strMatching "[0-9]+[dwy]";
      default = "30d";
      description = "How long entries can be found.";
    };
    openFirewall = lib.mkOption {
      type = lib.types.bool;
      default = false;
      description = "Whether to open {option}`port` in the firewall.";
    };
  };

  config = lib.mkIf cfg.enable {
    services = {
      victorialogs = {
        enable = true;
        listenAddress = local;
        extraOptions = [ "-retentionPeriod=${cfg.retention}" ];
      };
      nginx = {
        enable = true;
        appendHttpConfig = import ./journal-proxy.nix {
          inherit (cfg) port;
          path = "/insert/journald/upload";
          receiver = "http://${local}";
        };
      };
    };
    systemd.services = {
      nginx.serviceConfig = {
        ImportCredential = "journal-receive.*";
        MemoryMax = "64M";
      };
      victorialogs = {
        # Else it would stay down after five starts.
        unitConfig.StartLimitIntervalSec = 0;
        serviceConfig.MemoryMax = "256M";
      };
    };
    networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall [ cfg.port ];
  };
}
