# The machines of a fleet, from its data: module by name. Each is an appliance; a load balancer is one without
# uecho, whose guard asks HAProxy instead.
{
  lib,
  nixosModules,
}:
fleet:
let
  addresses = lib.mapAttrs (_: machine: machine.address) (fleet.nodes // fleet.loadBalancers);

  common = name: {
    imports = [ nixosModules.appliance ];
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
in
lib.mapAttrs node fleet.nodes // lib.mapAttrs loadBalancer fleet.loadBalancers
