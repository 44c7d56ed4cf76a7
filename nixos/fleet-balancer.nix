# The balancer of a fleet: a module, from the fleet's data.
fleet: {
  imports = [ ./load-balancer.nix ];
  services.uecho-load-balancer = {
    enable = true;
    openFirewall = true;
    monitoringNetworks = fleet.monitoring;
    serviceSettings = fleet.settings;
    servers = builtins.mapAttrs (_: node: "${node.address}:8080") fleet.nodes;
  };
}
