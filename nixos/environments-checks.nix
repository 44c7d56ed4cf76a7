# Parity of dev, qa and prod, machine by machine: given the values of prod, each is the same system as prod,
# to the hash. Of the nodes, which differ by name and address alone, the first stands for all, and so does the
# first balancer.
{
  lib,
  self,
  systems,
}:
let
  inherit (systems) environments environmentSystems;
  fleet = import ./fleet.nix;
  machines = map (lib.removePrefix "prod-") (
    lib.filter (lib.hasPrefix "prod-") (lib.attrNames self.nixosConfigurations)
  );
  others = machines: lib.tail (lib.attrNames machines);
  compared = lib.subtractLists (others fleet.nodes ++ others fleet.loadBalancers) machines;
  node = lib.head (lib.attrNames fleet.nodes);

  toplevel = system: system.config.system.build.toplevel.drvPath;
  real = name: toplevel self.nixosConfigurations.${name};
  # All environments, with the values of prod.
  swapped = environmentSystems (lib.mapAttrs (_: _: environments.prod) environments);

  claim = environment: machine: {
    "${environment}-${machine} with the values of prod is prod-${machine}" =
      toplevel swapped."${environment}-${machine}" == real "prod-${machine}";
  };
in
{
  "prod has the machines of the fleet" = machines == lib.attrNames systems.fleet;
}
// lib.concatMapAttrs (
  environment: _:
  {
    "${environment} has the machines of prod" = lib.all (
      machine: self.nixosConfigurations ? "${environment}-${machine}"
    ) machines;
    "${environment} is not prod without the values of prod" =
      real "${environment}-${node}" != real "prod-${node}";
  }
  // lib.mergeAttrsList (map (claim environment) compared)
) (removeAttrs environments [ "prod" ])
