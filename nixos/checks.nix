# What `nix flake check` proves, generated: the crate's own checks, and every package.
{ pkgs, self }:
let
  inherit (pkgs) lib;
  prefixed = prefix: lib.mapAttrs' (name: lib.nameValuePair "${prefix}-${name}");
in
prefixed "crate" pkgs.uecho.tests
// prefixed "package" (removeAttrs self.packages.${pkgs.stdenv.hostPlatform.system} [ "default" ])
