# Parity of dev, qa and prod, machine by machine: given the values of prod, each is the same system as prod,
# to the hash. Of the nodes, which differ by name and address alone, the first stands for all.
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
  compared = lib.subtractLists (lib.tail (lib.attrNames fleet.nodes)) machines;

  toplevel = system: system.config.system.build.toplevel.drvPath;
  real = name: toplevel self.nixosConfigurations.${name};
  # All environments, with the values of prod.
  swapped = environmentSystems (lib.mapAttrs (_: _: environments.prod) environments);

  claims = environment: machine: {
    "${environment}-${machine} with the values of prod is prod-${machine}" =
      toplevel swapped."${environment}-${machine}" == real "prod-${machine}";
    "${environment}-${machine} is not prod-${machine} without them" =
      real "${environment}-${machine}" != real "prod-${machine}";
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
  }
  // lib.mergeAttrsList (map (claims environment) compared)
) (removeAttrs environments [ "prod" ])
