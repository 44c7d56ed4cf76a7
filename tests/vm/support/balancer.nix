# Machines of the scenario `balancer`, by name: those of the fleet, and a client.
name:
let
  fleet = import ../../../nixos/fleet.nix;
in
if fleet.loadBalancers ? ${name} then
  import ../../../nixos/fleet-balancer.nix fleet
else if fleet.nodes ? ${name} then
  {
    networking.firewall.allowedTCPPorts = [ 8080 ];
    services.uecho.settings = fleet.settings // {
      public.listen = "[::]:8080";
    };
  }
else
  { }
