# What `nix flake check` proves on every change, generated: the crate's own checks, every package, what the
# modules promise, the size of the appliance, the lints of this folder, and every VM test.
{
  pkgs,
  self,
  systems,
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;

  # What it takes to build it, and nothing that holds whole machines in the evaluator's memory until all
  # checks are evaluated. What else a VM test has (its driver) is in legacyPackages.
  bare =
    check:
    let
      parts = lib.genAttrs [
        "drvPath"
        "name"
        "outPath"
        "outputName"
        "outputs"
        "system"
      ] (part: check.${part});
    in
    builtins.deepSeq parts (parts // { type = "derivation"; });
  # The set is made anew for each check, because what was evaluated of it stays in it as long as another check
  # waits in it.
  all = set: lib.genAttrs (lib.attrNames (set { })) (name: bare (set { }).${name});
  prefixed = prefix: set: lib.mapAttrs' (name: lib.nameValuePair "${prefix}-${name}") (all set);
in
prefixed "crate" ({ }: pkgs.uecho.tests)
// prefixed "package" ({ }: removeAttrs self.packages.${system} [ "default" ])
// prefixed "vm" ({ }: import ../tests/vm { inherit pkgs; })
// all ({ }: import ./module-checks.nix { inherit pkgs self systems; })
