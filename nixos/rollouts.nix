# Each fleet as `uecho-deploy --fleet` reads it: `nix eval --json --file nixos/rollouts.nix prod`. `fleet` is
# the one of fleet.nix itself.
let
  inherit (builtins)
    attrNames
    attrValues
    head
    mapAttrs
    ;
  # The systems of the flake are its machines, with this before their names.
  rollout =
    prefix: fleet:
    let
      balancer = (head (attrValues fleet.loadBalancers)).address;
    in
    {
      balancer = {
        host = balancer;
        url = "http://${balancer}";
        ops = "http://${balancer}:8404";
      };
      nodes = map (name: {
        inherit name;
        host = fleet.nodes.${name}.address;
        flake = ".#${prefix}${name}";
      }) (attrNames fleet.nodes);
    };
in
{
  fleet = rollout "" (import ./fleet.nix);
}
// mapAttrs (environment: rollout "${environment}-") (import ./fleets.nix).fleets
