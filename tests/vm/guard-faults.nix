# Faults of the guard itself: it knows no version to go back to, it is killed, two run at once, its ledger is
# damaged, its disk is full, garbage is collected.
{ lib, pkgs, ... }:
{
  nodes.machine = {
    imports = [ ./support/guard.nix ];
    boot.loader.grub.enable = false;
    test.versions = {
      inherit (import ./support/bad.nix { inherit lib pkgs; }) receipt;
      v2.services.uecho.settings.message = "v2";
    };
  };

  testScript =
    { nodes, ... }:
    let
      inherit (nodes.machine.system.build) toplevel versions;
    in
    ''
      V1 = "${toplevel}"
      V2 = "${versions.v2}"
      BAD = "${versions.receipt}"
    ''
    + lib.readFile ./support/receipt.py
    + lib.readFile ./support/guard.py
    + lib.readFile ./guard-faults.py;
}
