# Claims about services.uecho-observability, services.uecho-monitored and the fleet's machine with them, all
# checked by evaluation.
{
  pkgs,
  self,
}:
let
  inherit (pkgs) lib;
  inherit (import ./claims.nix { inherit pkgs self; })
    accepts
    refuses
    ;
  webhooks = lib.genAttrs [ "page" "ticket" "watchdog" ] (name: "http://pager/${name}");
  asks = {
    lb = {
      address = "10.0.0.2";
      synthetic = true;
    };
  };
  with' = observability: {
    imports = [ self.nixosModules.observability ];
    services.uecho-observability = {
      enable = true;
      machines = asks;
      inherit webhooks;
    }
    // observability;
  };

  fleet = import ./fleet.nix;
  names = lib.attrNames (import ./fleet-members.nix fleet);
  configOf = name: self.nixosConfigurations.${name}.config;
  config = configOf "obs";
  cfg = config.services.uecho-observability;
  inherit (config.services) prometheus;
  written = import ./observability-config.nix {
    inherit cfg lib;
    self = "obs";
  };
  read = file: builtins.fromJSON (lib.readFile file);
  targets =
    name:
    (lib.findFirst (job: job.job_name == name) null prometheus.scrapeConfigs).static_configs or [ ];
  instances = name: map (target: target.labels.instance) (targets name);
  expects =
    role:
    map (target: target.labels.instance) (
      lib.filter (target: target.labels ? ${role}) (targets "node")
    );
  # Whether the firewall lets the monitoring networks reach the port, and nobody else.
  lets =
    machine: port:
    let
      inherit (machine.networking) firewall;
      accepts' = network: "ip saddr ${network} tcp dport ${toString port} accept";
    in
    lib.all (network: lib.hasInfix (accepts' network) firewall.extraInputRules) fleet.monitoring
    && !lib.elem port firewall.allowedTCPPorts;
  askers = lib.filter (name: (configOf name).services.uecho-monitored.synthetic.url != null) names;
in
{
  refusals = {
    "no machines are refused" = refuses (with' { machines = { }; }) [
      "machines: there is none"
      "machines.n1 ="
    ];
    "a fleet that nobody asks as a client does is refused" =
      refuses
        (with' {
          machines.n1 = {
            address = "10.0.0.3";
            node = true;
          };
        })
        [
          "none asks"
          "synthetic = true"
        ];
    "ceilings that are more than the budget are refused" =
      refuses (with' { memory.prometheus = 2000; })
        [
          "2448 MiB"
          "memoryBudget = 1280"
        ];
    "the defaults are accepted" = accepts (with' { });
  };

  machine = {
    "tests/container/prometheus.json, with which the scenario runs, is what the module writes" =
      read ../tests/container/prometheus.json == written.prometheus;
    "tests/container/alertmanager.json, with which the scenario runs, is what the module writes" =
      read ../tests/container/alertmanager.json == written.alertmanager;
    "tests/container/blackbox.json, with which the scenario runs, is what the module writes" =
      read ../tests/container/blackbox.json == written.blackbox;
    "the ports where journals come in are asked for their certificates, by a blackbox exporter on loopback" =
      map (target: target.targets) (targets "certificates") == [
        [ "${fleet.archive.address}:19533" ]
        [ "${fleet.observability.obs.address}:9443" ]
      ]
      && prometheus.exporters.blackbox.enable
      && prometheus.exporters.blackbox.listenAddress == "127.0.0.1"
      && prometheus.exporters.blackbox.port == 9115;
    "that is what NixOS is told" =
      prometheus.globalConfig.scrape_interval == written.prometheus.global.scrape_interval
      && prometheus.globalConfig.evaluation_interval == written.prometheus.global.evaluation_interval
      &&
        map (job: job.job_name) prometheus.scrapeConfigs
        == map (job: job.job_name) written.prometheus.scrape_configs
      && prometheus.alertmanager.configuration == written.alertmanager;
    "all rules are loaded, and promtool checks them while the system is built" =
      lib.sort (a: b: a < b) (map baseNameOf prometheus.ruleFiles)
      == lib.attrNames (builtins.readDir ./observability/rules)
      && prometheus.checkConfig;
    "Prometheus asks every machine of the fleet" =
      instances "node" == names
      && instances "uecho" == lib.attrNames fleet.nodes
      && instances "haproxy" == lib.attrNames fleet.loadBalancers;
    "two places ask as clients do, and their verdicts are expected; so are those of the guards" =
      lib.length askers >= 2
      && expects "synthetic" == askers
      && expects "guard" == lib.filter (name: (configOf name).services.uecho-guard.enable) names
      && expects "journal" == lib.filter (name: (configOf name).services.journald.upload.enable) names
      && expects "archive" == [ "archive" ]
      && expects "pull" == [ ];
    "whoever asks has the unit, its URL and a timer" = lib.all (
      name:
      let
        inherit (configOf name) systemd services;
        inherit (services.uecho-monitored.synthetic) url;
      in
      systemd.timers.uecho-synthetic.wantedBy == [ "timers.target" ]
      && systemd.services.uecho-synthetic.environment.UECHO_SYNTHETIC_URL == url
      && lib.elem services.uecho.package systemd.packages
    ) askers;
    "every node exporter reads what the programs leave in /run" = lib.all (
      name:
      lib.hasInfix "--collector.textfile.directory=/run/uecho-*" (
        toString (configOf name).systemd.services.prometheus-node-exporter.serviceConfig.ExecStart
      )
    ) names;
    "the monitoring networks, and no others, reach the exporters and Prometheus" =
      lib.all (name: lets (configOf name) 9100) names
      && lets config 9090
      && lets config 3000
      && prometheus.alertmanager.listenAddress == "127.0.0.1";
    "every panel asks a data source that Grafana has" =
      let
        uids = map (source: source.uid) config.services.grafana.provision.datasources.settings.datasources;
        files = lib.attrNames (builtins.readDir ./observability/dashboards);
        panels = lib.concatMap (file: (read (./observability/dashboards + "/${file}")).panels) files;
      in
      files != [ ]
      &&
        uids == [
          "prometheus"
          "logs"
          "traces"
        ]
      && lib.all (
        panel: lib.all (target: lib.elem target.datasource.uid uids) ([ panel ] ++ panel.targets)
      ) panels;
    "Grafana shows the dashboards of this flake, and nobody can log in" =
      let
        inherit (config.services.grafana) provision settings;
        path = "/etc/uecho-dashboards";
      in
      map (provider: provider.options.path) provision.dashboards.settings.providers == [ path ]
      && config.environment.etc."uecho-dashboards".source == ./observability/dashboards
      && settings.auth.disable_login_form
      && settings.security.disable_initial_admin_creation;
    "what speaks to VictoriaLogs is installed with Grafana, and nothing is downloaded" =
      map (plugin: plugin.pname) config.services.grafana.declarativePlugins
      == [ "victoriametrics-logs-datasource" ]
      && config.services.grafana.settings.plugins.preinstall_disabled;
    "each service has a ceiling, and together they fit" =
      lib.all (
        name:
        let
          service = config.systemd.services.${name};
        in
        service.serviceConfig.MemoryMax == "${toString cfg.memory.${name}}M"
        && service.serviceConfig ? ExecStart
      ) (lib.attrNames cfg.memory)
      && lib.all (name: cfg.memory ? ${name}) [
        "alertmanager"
        "grafana"
        "nginx"
        "prometheus"
        "prometheus-blackbox-exporter"
        "prometheus-node-exporter"
        "victorialogs"
        "victoriatraces"
      ]
      && lib.foldl' (sum: ceiling: sum + ceiling) 256 (lib.attrValues cfg.memory) <= 1536;
    "each service that a machine of the fleet has beyond an appliance has a ceiling" =
      let
        appliance = self.nixosConfigurations.appliance.extendModules {
          modules = [
            {
              services.uecho.enable = lib.mkForce false;
              services.uecho-guard.enable = lib.mkForce false;
            }
          ];
        };
        common = lib.attrNames appliance.config.systemd.services;
        # What a unit file of the package says, or a drop-in for a unit of systemd.
        said =
          name:
          lib.any (file: lib.pathExists file && lib.hasInfix "\nMemoryMax=" (lib.readFile file)) [
            (../systemd + "/${name}.service")
            (../systemd + "/${lib.removeSuffix "-search" (lib.removePrefix "systemd-" name)}.conf")
          ];
        without =
          machine:
          let
            inherit ((configOf machine).systemd) services;
          in
          map (name: "${machine}: ${name}") (
            lib.filter (name: !(services.${name}.serviceConfig ? MemoryMax) && !said name) (
              lib.subtractLists common (lib.attrNames services)
            )
          );
        missing = lib.concatMap without names;
      in
      lib.assertMsg (missing == [ ]) "without a ceiling: ${lib.concatStringsSep ", " missing}";
    "the node exporter of every machine has a ceiling" = lib.all (
      name: (configOf name).systemd.services.prometheus-node-exporter.serviceConfig.MemoryMax == "64M"
    ) names;
  };
}
