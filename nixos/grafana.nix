# Dashboards of the machine with services.uecho-observability: Grafana, which shows the files of this flake to
# whoever reaches it, and where nobody logs in. Logs and traces are there if their stores are on this machine.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.uecho-observability;
  inherit (config.services) grafana victorialogs victoriatraces;
  dashboards = "/etc/uecho-dashboards";
  key = "${grafana.dataDir}/secret_key";

  logsPlugin = pkgs.grafanaPlugins.victoriametrics-logs-datasource;
  # Of one on this machine.
  source = name: type: uid: url: {
    inherit
      name
      type
      uid
      url
      ;
    access = "proxy";
  };
in
{
  config = lib.mkIf cfg.enable {
    environment.etc."uecho-dashboards".source = ./observability/dashboards;

    services.grafana = {
      enable = true;
      # Nothing is downloaded. What speaks to VictoriaTraces is part of Grafana.
      declarativePlugins = lib.optional victorialogs.enable logsPlugin;
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
            (
              source "Prometheus" "prometheus" "prometheus"
                "http://127.0.0.1:${toString config.services.prometheus.port}"
              // {
                isDefault = true;
              }
            )
          ]
          ++ lib.optional victorialogs.enable (
            source "VictoriaLogs" logsPlugin.pname "logs" "http://${victorialogs.listenAddress}"
          )
          ++ lib.optional victoriatraces.enable (
            source "VictoriaTraces" "jaeger" "traces" "http://${victoriatraces.listenAddress}/select/jaeger"
          );
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

    networking.firewall.extraInputRules = import ./firewall-rules.nix {
      inherit lib;
    } grafana.settings.server.http_port cfg.networks;
  };
}
