# services.uecho-trace-store: VictoriaTraces takes the spans of all nodes and answers questions about them. It
# listens on loopback; nginx in front of it lets the nodes write, and nothing else.
{
  config,
  lib,
  ...
}:
let
  cfg = config.services.uecho-trace-store;
  local = "127.0.0.1:10428";
in
{
  imports = [ (import ./senders.nix "uecho-trace-store") ];

  options.services.uecho-trace-store = {
    enable = lib.mkEnableOption "the store of traces";
    port = lib.mkOption {
      type = lib.types.port;
      default = 4318;
      description = "Port for spans: OTLP over HTTP, as nodes with `otlp.endpoint` send them.";
    };
    retention = lib.mkOption {
      type = lib.types.strMatching "[0-9]+[dwy]";
      default = "7d";
      description = "How long traces can be found.";
    };
    disk = lib.mkOption {
      type = lib.types.strMatching "[0-9]+[KMGT]iB";
      default = "1GiB";
      description = "What the traces may take on the disk. The oldest days go first; two of them stay.";
    };
  };

  config = lib.mkIf cfg.enable {
    services = {
      victoriatraces = {
        enable = true;
        listenAddress = local;
        retentionPeriod = cfg.retention;
        extraOptions = [ "-retention.maxDiskSpaceUsageBytes=${cfg.disk}" ];
      };
      nginx = {
        enable = true;
        appendHttpConfig = import ./trace-proxy.nix {
          inherit (cfg) port;
          receiver = "http://${local}/insert/opentelemetry/v1/traces";
        };
      };
    };

    systemd.services = {
      victoriatraces = {
        # Else it would stay down after five starts.
        unitConfig.StartLimitIntervalSec = 0;
        serviceConfig.MemoryMax = lib.mkDefault "192M";
      };
      nginx.serviceConfig.MemoryMax = lib.mkDefault "64M";
    };
  };
}
