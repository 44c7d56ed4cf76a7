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
  imports = [
    (import ./journal-receiver.nix {
      name = "uecho-log-search";
      port = 9443;
      path = "/insert/journald/upload";
      receiver = "http://${local}";
    })
  ];

  options.services.uecho-log-search = {
    enable = lib.mkEnableOption "the search in the journals of all machines";
    retention = lib.mkOption {
      type = lib.types.strMatching "[0-9]+[dwy]";
      default = "30d";
      description = "How long entries can be found.";
    };
    disk = lib.mkOption {
      type = lib.types.strMatching "[0-9]+[KMGT]iB";
      default = "4GiB";
      description = "What the entries may take on the disk. The oldest days go first; two of them stay.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.victorialogs = {
      enable = true;
      listenAddress = local;
      extraOptions = [
        "-retentionPeriod=${cfg.retention}"
        "-retention.maxDiskSpaceUsageBytes=${cfg.disk}"
      ];
    };
    systemd.services.victorialogs = {
      # Else it would stay down after five starts.
      unitConfig.StartLimitIntervalSec = 0;
      serviceConfig.MemoryMax = lib.mkDefault "224M";
    };
  };
}
