# Parity of dev, qa and prod, machine by machine: given the values of prod, each is the same system as prod,
# to the hash. Of the nodes, which differ by name and address alone, the first stands for all in `checks`, and
# so does the first balancer; `each` has a set of claims for every machine.
{
  lib,
  self,
  systems,
}:
let
  inherit (systems) environments environmentSystems;
  fleet = import ./fleet.nix;
  machines = lib.attrNames systems.fleet;
  others = machines: lib.tail (lib.attrNames machines);
  representatives = lib.subtractLists (others fleet.nodes ++ others fleet.loadBalancers) machines;
  node = lib.head (lib.attrNames fleet.nodes);
  compared = lib.attrNames (removeAttrs environments [ "prod" ]);

  toplevel = system: system.config.system.build.toplevel.drvPath;
  real = name: toplevel self.nixosConfigurations.${name};
  # All environments, with the values of prod.
  swapped = environmentSystems (lib.mapAttrs (_: _: environments.prod) environments);

  same =
    machine:
    lib.listToAttrs (
      map (
        environment:
        lib.nameValuePair "${environment}-${machine} with the values of prod is prod-${machine}" (
          toplevel swapped."${environment}-${machine}" == real "prod-${machine}"
        )
      ) compared
    );
  of = environment: {
    "${environment} has the machines of the fleet" =
      machines == map (lib.removePrefix "${environment}-") (
        lib.filter (lib.hasPrefix "${environment}-") (lib.attrNames self.nixosConfigurations)
      );
  };
  other = environment: {
    "${environment} is not prod without the values of prod" =
      real "${environment}-${node}" != real "prod-${node}";
  };
in
{
  checks = lib.mergeAttrsList (
    map of (lib.attrNames environments) ++ map other compared ++ map same representatives
  );
  each = lib.genAttrs machines same;
}
