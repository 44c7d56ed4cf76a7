# The checks of `nix flake check`: those of the crates, every package, the claims about the modules, the size
# of the appliance, the lints of this folder, and every VM test.
{
  pkgs,
  self,
  systems,
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;

  # Only the attributes that are needed to build a check. Others refer to whole machines, which would stay in
  # the evaluator's memory until all checks are evaluated. The drivers of the VM tests are in legacyPackages.
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
  # The set is a function, called again for each check: a shared set would keep what was evaluated for one
  # check in memory until the last one is evaluated.
  all = set: lib.genAttrs (lib.attrNames (set { })) (name: bare (set { }).${name});
  prefixed = prefix: set: lib.mapAttrs' (name: lib.nameValuePair "${prefix}-${name}") (all set);
in
prefixed "crate" ({ }: pkgs.uecho.tests)
// prefixed "package" ({ }: removeAttrs self.packages.${system} [ "default" ])
// prefixed "vm" ({ }: import ../tests/vm { inherit pkgs; })
// all ({ }: import ./cloud-checks.nix { inherit pkgs self; })
// all ({ }: import ./module-checks.nix { inherit pkgs self systems; })
