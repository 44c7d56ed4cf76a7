# The cloud, as OpenTofu reads it: its stacks by name, each a root module of its own and each for another
# account. `nix build .#cloud` writes them, each as a main.tf.json. Only builtins, so that plain Nix evaluates
# it without nixpkgs: `nix-instantiate --eval --strict --json cloud`.
let
  inherit (builtins)
    attrNames
    foldl'
    isAttrs
    mapAttrs
    ;
  inherit (import ../nixos/fleets.nix) fleets;

  merge = foldl' (
    one: other:
    one
    // mapAttrs (
      name: value:
      if isAttrs value && isAttrs (one.${name} or null) then
        merge [
          one.${name}
          value
        ]
      else
        value
    ) other
  ) { };

  # A reference, which OpenTofu resolves.
  ref = expression: "\${${expression}}";
  # One of its resources for each of these names: zones, environments.
  each =
    names: f:
    builtins.listToAttrs (
      map (name: {
        name = builtins.replaceStrings [ "-" ] [ "_" ] name;
        value = f name;
      }) names
    );

  stack =
    args: files:
    merge (
      map (
        file:
        import file (
          {
            inherit each ref;
            archive = import ./archive-settings.nix;
            environments = attrNames fleets;
            # Of all environments, each once.
            regions = attrNames (
              builtins.groupBy (region: region) (map (name: fleets.${name}.cloud.region) (attrNames fleets))
            );
          }
          // args
        )
      ) files
    );
in
{
  archive =
    stack
      {
        name = "archive";
        inherit (fleets.prod.cloud) region;
      }
      [
        ./base.nix
        ./archive.nix
      ];
  organization =
    stack
      {
        name = "organization";
        inherit (fleets.prod.cloud) region;
      }
      [
        ./base.nix
        ./organization.nix
        ./deny.nix
      ];
}
// mapAttrs (
  name: fleet:
  stack
    {
      inherit name;
      inherit (fleet) cloud;
      inherit (fleet.cloud) region;
    }
    [
      ./base.nix
      ./network.nix
      ./image.nix
      ./nodes.nix
      ./balancer.nix
      ./rollout.nix
      ./budget.nix
    ]
) fleets
