# The fleet as `uecho-deploy --fleet` reads it: `nix eval --json --file nixos/rollout.nix`.
let
  inherit (builtins) attrNames attrValues head;
  fleet = import ./fleet.nix;
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
    flake = ".#${name}";
  }) (attrNames fleet.nodes);
}
