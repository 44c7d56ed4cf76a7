# Dashboards of the machine with services.uecho-observability: Grafana, which shows the files of this flake to
# whoever reaches it, and where nobody logs in.
{
  config,
  lib,
  ...
}:
let
  cfg = config.services.uecho-observability;
  grafana = config.services.grafana;
  dashboards = "/etc/uecho-dashboards";
  port = toString grafana.settings.server.http_port;
  key = "${grafana.dataDir}/secret_key";
in
{
  config = lib.mkIf cfg.enable {
    environment.etc."uecho-dashboards".source = ./observability/dashboards;

    services.grafana = {
      enable = true;
      settings = {
        server = {
          http_addr = "";
          http_port = lib.mkDefault 3000;
        };
        "auth.anonymous" = {
          enabled = true;
          org_role = "Viewer";
        };
        auth.disable_login_form = true;
        security = {
          disable_initial_admin_creation = true;
          # Nothing is encrypted with it, but Grafana wants one.
          secret_key = "$__file{${key}}";
        };
        analytics = {
          check_for_updates = false;
          check_for_plugin_updates = false;
          reporting_enabled = false;
        };
      };
      provision = {
        enable = true;
        datasources.settings = {
          apiVersion = 1;
          datasources = [
            {
              name = "Prometheus";
              type = "prometheus";
              uid = "prometheus";
              access = "proxy";
              url = "http://127.0.0.1:${toString config.services.prometheus.port}";
              isDefault = true;
            }
          ];
        };
        dashboards.settings = {
          apiVersion = 1;
          providers = [
            {
              name = "uecho";
              options.path = dashboards;
            }
          ];
        };
      };
    };

    # Made on the machine, at the first start.
    systemd.services.grafana.preStart = lib.mkBefore ''
      [ -s ${key} ] || (umask 077 && head --bytes=32 /dev/urandom | base64 > ${key})
    '';

    networking.firewall.extraInputRules = lib.concatMapStrings (network: ''
      ${if lib.hasInfix ":" network then "ip6" else "ip"} saddr ${network} tcp dport ${port} accept
    '') cfg.networks;
  };
}
