# What Prometheus, Alertmanager and the blackbox exporter are told, as data. The scenario `observability` runs
# with the very same (tests/container/{prometheus,alertmanager,blackbox}.json).
{
  cfg,
  lib,
  self,
}:
let
  # An instance is a name, not an address: names are what alerts and humans read.
  targets =
    port: labels: machines:
    lib.mapAttrsToList (name: machine: {
      targets = [ "${machine.address}:${toString port}" ];
      labels = {
        instance = name;
      }
      // labels machine;
    }) machines;
  job = job_name: static_configs: { inherit job_name static_configs; };
  those = role: lib.filterAttrs (_: machine: machine.${role}) cfg.machines;
  none = _: { };
  expected =
    machine:
    lib.genAttrs (lib.filter (role: machine.${role}) [
      "archive"
      "guard"
      "journal"
      "pull"
      "synthetic"
    ]) (_: "yes");
  # A machine may have several certificates, so the port is a label, too.
  certificates = lib.concatLists (
    lib.mapAttrsToList (
      name: machine:
      map (port: {
        targets = [ "${machine.address}:${toString port}" ];
        labels = {
          instance = name;
          port = toString port;
        };
      }) machine.certificates
    ) cfg.machines
  );
  here = port: targets port none { ${self}.address = "127.0.0.1"; };

  webhook = url: send_resolved: [ { inherit url send_resolved; } ];
in
{
  prometheus = {
    # The periods of the rules, and of the scenario, are made for these intervals.
    global = {
      scrape_interval = "5s";
      scrape_timeout = "4s";
      evaluation_interval = "5s";
    };
    scrape_configs = [
      (job "uecho" (targets 8081 none (those "node")))
      (job "haproxy" (targets cfg.balancerPort none (those "balancer")))
      (job "node" (targets 9100 expected cfg.machines))
      (job "prometheus" (here 9090))
      (job "alertmanager" (here 9093))
    ]
    ++ lib.optional (certificates != [ ]) (
      job "certificates" certificates
      // {
        scrape_interval = "1m";
        metrics_path = "/probe";
        params.module = [ "certificate" ];
        # The blackbox exporter of this machine asks whom the parameter says.
        relabel_configs = [
          {
            source_labels = [ "__address__" ];
            target_label = "__param_target";
          }
          {
            target_label = "__address__";
            replacement = "127.0.0.1:9115";
          }
        ];
      }
    );
    alerting.alertmanagers = [ { static_configs = [ { targets = [ "127.0.0.1:9093" ]; } ]; } ];
  };

  # The handshake is enough. It does not matter who has signed: those who use the port check that.
  blackbox.modules.certificate = {
    prober = "tcp";
    timeout = "3s";
    tcp = {
      tls = true;
      tls_config.insecure_skip_verify = true;
    };
  };

  alertmanager = {
    route = {
      receiver = "ticket";
      group_by = [
        "alertname"
        "severity"
      ];
      group_wait = "5s";
      group_interval = "5s";
      repeat_interval = "4h";
      routes = [
        {
          matchers = [ ''alertname="Watchdog"'' ];
          receiver = "watchdog";
          group_wait = "0s";
          group_interval = "15s";
          # At the second interval after the last sign.
          repeat_interval = "25s";
        }
        {
          matchers = [ ''severity="page"'' ];
          receiver = "page";
        }
      ];
    };
    receivers = [
      {
        name = "page";
        webhook_configs = webhook cfg.webhooks.page true;
      }
      {
        name = "ticket";
        webhook_configs = webhook cfg.webhooks.ticket true;
      }
      {
        name = "watchdog";
        webhook_configs = webhook cfg.webhooks.watchdog false;
      }
    ];
  };
}
