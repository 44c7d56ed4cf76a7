# Machines of the scenarios `balancer` and `failover`, by name: those of the fleet, and a client.
name:
{ pkgs, ... }:
let
  fleet = import ../../../nixos/fleet.nix;
  addressOf =
    machine:
    { lib, ... }:
    {
      networking.interfaces.eth1.ipv4.addresses = lib.mkForce [
        {
          inherit (machine) address;
          inherit (fleet) prefixLength;
        }
      ];
      networking.primaryIPAddress = lib.mkForce machine.address;
    };
in
if fleet.loadBalancers ? ${name} then
  {
    imports = [
      (addressOf fleet.loadBalancers.${name})
      (import ../../../nixos/fleet-balancer.nix { inherit fleet name; })
    ];
    # Something that answers in the place of HAProxy, and certificates.
    environment.systemPackages = [
      pkgs.openssl
      pkgs.python3
    ];
  }
else if fleet.nodes ? ${name} then
  {
    imports = [ (addressOf fleet.nodes.${name}) ];
    networking.firewall.allowedTCPPorts = [ 8080 ];
    services.uecho.settings = fleet.settings // {
      public.listen = "[::]:8080";
    };
  }
else
  {
    environment.systemPackages = [
      pkgs.openssl
      pkgs.wrk
    ];
    # In front of the scenario's own collector of spans.
    networking.firewall.allowedTCPPorts = [ 4318 ];
    services.nginx = {
      enable = true;
      appendHttpConfig = import ../../../nixos/trace-proxy.nix {
        port = 4318;
        receiver = "http://127.0.0.1:10428/insert/opentelemetry/v1/traces";
      };
    };
  }
