# The machines of a fleet, from its data: module by name. Each is an appliance that sends its journal to the
# archive and to the search; one without uecho has a guard that asks something else.
{
  lib,
  nixosModules,
}:
fleet:
let
  addresses = lib.mapAttrs (_: machine: machine.address) (import ./fleet-members.nix fleet);
  observability = import ./fleet-observability.nix fleet;
  # Where logs and spans go.
  observer = lib.head (lib.attrNames fleet.observability);

  common = name: {
    imports = [
      nixosModules.appliance
      nixosModules.log-upload
      nixosModules.monitored
      (observability.monitored name)
    ];
    services.uecho-log-upload = {
      archive = "https://archive:19533";
      search = "https://${observer}:9443/insert/journald";
    };
    appliance.monitoring.networks = fleet.monitoring;
    networking = {
      hostName = name;
      hosts = lib.mapAttrs' (other: address: lib.nameValuePair address [ other ]) addresses;
    };
  };

  node = name: _: {
    imports = [ (common name) ];
    services.uecho.settings = lib.recursiveUpdate fleet.settings {
      fanout.peers = map (other: "http://${other}:8080") (
        lib.attrNames (removeAttrs fleet.nodes [ name ])
      );
      otlp.endpoint = "http://${observer}:4318";
    };
  };

  loadBalancer =
    name: _:
    {
      config,
      lib,
      pkgs,
      ...
    }:
    {
      imports = [
        (common name)
        (import ./fleet-balancer.nix { inherit fleet name; })
      ];
      services = {
        uecho.enable = lib.mkForce false;
        uecho-guard = {
          units = [ "haproxy.service" ];
          checks = [
            {
              # Not /up: a balancer is not bad because the nodes are.
              name = "balancer";
              command = [
                (lib.getExe pkgs.curl)
                "--fail"
                "--silent"
                "--output"
                "/dev/null"
                "http://127.0.0.1:${toString config.services.uecho-load-balancer.opsPort}/metrics"
              ];
            }
          ];
        };
      };
    };

  observing = name: _: {
    imports = [
      (common name)
      nixosModules.log-search
      nixosModules.observability
      nixosModules.trace-store
      observability.observer
    ];
    services = {
      uecho.enable = lib.mkForce false;
      uecho-log-search = {
        enable = true;
        senders = lib.attrValues addresses;
      };
      uecho-trace-store = {
        enable = true;
        senders = map (node: node.address) (lib.attrValues fleet.nodes);
      };
      uecho-guard.units = [
        "alertmanager.service"
        "nginx.service"
        "prometheus.service"
        "victorialogs.service"
        "victoriatraces.service"
      ];
    };
  };

  archive =
    {
      lib,
      pkgs,
      ...
    }:
    {
      imports = [
        (common "archive")
        nixosModules.log-archive
      ];
      services = {
        uecho.enable = lib.mkForce false;
        uecho-log-archive = {
          enable = true;
          senders = lib.attrValues addresses;
        };
        uecho-guard = {
          units = [ "nginx.service" ];
          # Any answer will do: a request without a journal is refused.
          checks =
            lib.mapAttrsToList
              (name: url: {
                inherit name;
                command = [
                  (lib.getExe pkgs.curl)
                  "--insecure"
                  "--silent"
                  "--output"
                  "/dev/null"
                  url
                ];
              })
              {
                proxy = "https://127.0.0.1:19533";
                receiver = "http://127.0.0.1:19532";
              };
        };
      };
    };
in
lib.mapAttrs node fleet.nodes
// lib.mapAttrs loadBalancer fleet.loadBalancers
// lib.mapAttrs observing fleet.observability
// {
  inherit archive;
}
