# The fleet as `uecho-deploy --fleet` reads it: `nix eval --json --file nixos/rollout.nix`.
(import ./rollouts.nix).fleet
