# services.uecho-monitored: what a machine of a fleet tells of itself. The node exporter also reads what other
# programs leave in /run/uecho-*: the guard, and the synthetic, which asks the service as a client does.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkEnableOption mkOption types;
  cfg = config.services.uecho-monitored;
in
{
  imports = [ ./package-option.nix ];

  options.services.uecho-monitored = {
    enable = mkEnableOption "the node exporter, and metrics of the guard";
    networks = mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      example = [ "10.0.9.0/24" ];
      description = "IPv4 or IPv6 networks that may ask for the metrics, on port 9100.";
    };
    synthetic.url = mkOption {
      type = types.nullOr (types.strMatching "https?://[^ ]+");
      default = null;
      example = "http://10.0.0.2";
      description = "Service that this machine asks every ten seconds as a client does, or none.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.prometheus.exporters.node = {
      enable = true;
      # Of a pattern, only the folders that exist are read; systemd does not expand it.
      extraFlags = [ "--collector.textfile.directory=/run/uecho-*" ];
    };

    systemd = {
      packages = lib.mkIf (cfg.synthetic.url != null) [ config.services.uecho.package ];
      timers.uecho-synthetic = lib.mkIf (cfg.synthetic.url != null) { wantedBy = [ "timers.target" ]; };
      services = {
        prometheus-node-exporter.serviceConfig.MemoryMax = lib.mkDefault "64M";
        uecho-synthetic = lib.mkIf (cfg.synthetic.url != null) {
          enableDefaultPath = false;
          environment.UECHO_SYNTHETIC_URL = cfg.synthetic.url;
        };
      };
    };

    networking.firewall.extraInputRules = import ./firewall-rules.nix {
      inherit lib;
    } config.services.prometheus.exporters.node.port cfg.networks;
  };
}
