# What `nix flake check` proves, generated: the crate's own checks, every package, what the modules promise, the size of the
# appliance, the lints of this folder, and every VM test.
{
  pkgs,
  self,
  systems,
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;
  prefixed = prefix: lib.mapAttrs' (name: lib.nameValuePair "${prefix}-${name}");
in
prefixed "crate" pkgs.uecho.tests
// prefixed "package" (removeAttrs self.packages.${system} [ "default" ])
// prefixed "vm" (import ../tests/vm { inherit pkgs; })
// import ./module-checks.nix { inherit pkgs self systems; }
