# services.uecho-observability: Prometheus and Alertmanager with the rules of this flake, for the machines
# that are named. Each service has a ceiling of memory. grafana.nix has the dashboards.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.uecho-observability;
  inherit
    (import ./observability-config.nix {
      inherit cfg lib;
      self = config.networking.hostName;
    })
    alertmanager
    blackbox
    prometheus
    ;
  rules = ./observability/rules;
  watchesCertificates = lib.any (machine: machine.certificates != [ ]) (lib.attrValues cfg.machines);
  ceilings = lib.foldl' (sum: ceiling: sum + ceiling) 0 (lib.attrValues cfg.memory);
in
{
  imports = [
    ./grafana.nix
    ./monitored.nix
    ./observability-options.nix
  ];

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.machines != { };
        message = ''
          services.uecho-observability.machines: there is none to ask for metrics.
          Name at least one: machines.n1 = { address = "10.0.0.3"; node = true; };
        '';
      }
      {
        assertion =
          cfg.machines == { } || lib.any (machine: machine.synthetic) (lib.attrValues cfg.machines);
        message = ''
          services.uecho-observability.machines: none asks the service as a client does, so nobody would
          notice that clients do not get through. Set machines.NAME.synthetic = true, and
          services.uecho-monitored.synthetic.url on that machine.
        '';
      }
      {
        assertion = ceilings <= cfg.memoryBudget;
        message = ''
          services.uecho-observability.memory: the ceilings are ${toString ceilings} MiB together, more than
          memoryBudget = ${toString cfg.memoryBudget}. Lower some, or give the machine more memory and say so
          in memoryBudget.
        '';
      }
    ];

    services = {
      uecho-monitored.enable = lib.mkDefault true;
      uecho-observability.memory = lib.mapAttrs (_: lib.mkDefault) (
        {
          alertmanager = 64;
          grafana = 320;
          prometheus = 320;
        }
        // lib.optionalAttrs config.services.uecho-monitored.enable { prometheus-node-exporter = 64; }
        // lib.optionalAttrs watchesCertificates { prometheus-blackbox-exporter = 32; }
        // lib.optionalAttrs config.services.victorialogs.enable { victorialogs = 224; }
        // lib.optionalAttrs config.services.victoriatraces.enable { victoriatraces = 192; }
        // lib.optionalAttrs config.services.nginx.enable { nginx = 64; }
      );

      prometheus = {
        enable = true;
        retentionTime = cfg.retention;
        globalConfig = prometheus.global;
        scrapeConfigs = prometheus.scrape_configs;
        inherit (prometheus.alerting) alertmanagers;
        ruleFiles = lib.mapAttrsToList (file: _: rules + "/${file}") (builtins.readDir rules);
        # promtool reads all of it while the system is built; a change is a reload.
        checkConfig = true;
        enableReload = true;
        extraFlags = [
          # When Prometheus is gone, Alertmanager believes in its alerts, the watchdog among them, for four
          # times as long.
          "--rules.alert.resend-delay=15s"
        ];
        alertmanager = {
          enable = true;
          configuration = alertmanager;
          # Whoever may ask it may also silence it.
          listenAddress = "127.0.0.1";
          # There is one.
          extraFlags = [ "--cluster.listen-address=" ];
        };
        exporters.blackbox = lib.mkIf watchesCertificates {
          enable = true;
          listenAddress = "127.0.0.1";
          # JSON is YAML, too.
          configFile = pkgs.writeText "blackbox.json" (builtins.toJSON blackbox);
        };
      };
    };

    systemd.services =
      lib.mapAttrs (_: ceiling: {
        environment.GOMEMLIMIT = "${toString (ceiling * 9 / 10)}MiB";
        serviceConfig.MemoryMax = "${toString ceiling}M";
      }) cfg.memory
      # It tells Prometheus of a change, and ends.
      // {
        prometheus-config-reload.serviceConfig.MemoryMax = "32M";
      };

    networking.firewall.extraInputRules = import ./firewall-rules.nix {
      inherit lib;
    } config.services.prometheus.port cfg.networks;
  };
}
