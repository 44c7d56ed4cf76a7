# The fleet of each environment, by name: fleet.nix with the values of environments.nix in it. Only
# builtins: what is made from it can be evaluated without nixpkgs.
let
  inherit (builtins)
    all
    attrNames
    concatMap
    concatStringsSep
    elem
    head
    isAttrs
    isList
    isString
    mapAttrs
    replaceStrings
    ;
  environments = import ./environments.nix;
  base = import ./fleet.nix;

  merge =
    one: other:
    one
    // mapAttrs (
      name: value:
      if isAttrs value && isAttrs (one.${name} or null) then merge one.${name} value else value
    ) other;
  # Every address of the fleet, wherever it is stated, in another network.
  move =
    from: to: value:
    if isString value then
      replaceStrings [ "${from}." ] [ "${to}." ] value
    else if isAttrs value then
      mapAttrs (_: move from to) value
    else if isList value then
      map (move from to) value
    else
      value;

  paths =
    prefix: value:
    if isAttrs value then
      concatMap (name: paths (prefix ++ [ name ]) value.${name}) (attrNames value)
    else
      [ (concatStringsSep "." prefix) ];
  # All of them state these and nothing else, so none has a setting of its own.
  stated = mapAttrs (_: paths [ ]) environments;
  same = all (name: stated.${name} == stated.prod) (attrNames stated);
  mayDiffer = [
    "cloud.bake"
    "cloud.budget"
    "cloud.instanceType"
    "cloud.network"
    "cloud.nodes.max"
    "cloud.nodes.min"
    "cloud.region"
    "cloud.zones"
    "network"
    "settings.log.access"
  ];
  unknown = builtins.filter (path: !elem path mayDiffer) stated.prod;

  # The fleet with these values.
  fleet =
    values:
    if !same then
      throw "nixos/environments.nix: dev, qa and prod have to state the same values"
    else if unknown != [ ] then
      throw "nixos/environments.nix: ${head unknown} may not differ: it belongs into nixos/fleet.nix"
    else
      merge (move base.network values.network base) values;
in
{
  inherit environments fleet;
  fleets = mapAttrs (_: fleet) environments;
}
