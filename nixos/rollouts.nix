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
  rollout = prefix: fleet: {
    balancer = {
      # The same one for each rollout, whichever has the address: the lock is there.
      host = (head (attrValues fleet.loadBalancers)).address;
      # Of the one that clients ask.
      url = "http://${fleet.virtualAddress}";
      ops = "http://${fleet.virtualAddress}:${toString fleet.operationsPort}";
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
