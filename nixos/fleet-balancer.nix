# A balancer of a fleet: a module, from the fleet's data and the balancer's name.
{ fleet, name }:
let
  inherit (builtins)
    attrNames
    attrValues
    mapAttrs
    removeAttrs
    ;
  others = removeAttrs fleet.loadBalancers [ name ];
  before = builtins.filter (other: other < name) (attrNames others);
in
{
  imports = [ ./load-balancer.nix ];
  services.uecho-load-balancer = {
    enable = true;
    openFirewall = true;
    opsPort = fleet.operationsPort;
    monitoringNetworks = fleet.monitoring;
    serviceSettings = fleet.settings;
    servers = mapAttrs (_: node: "${node.address}:8080") fleet.nodes;
    failover = {
      enable = others != { };
      address = "${fleet.virtualAddress}/${toString fleet.prefixLength}";
      inherit (fleet) interface;
      source = fleet.loadBalancers.${name}.address;
      peers = map (other: other.address) (attrValues others);
      priority = 100 - builtins.length before;
    };
  };
}
