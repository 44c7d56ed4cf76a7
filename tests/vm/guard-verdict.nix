# Real generations under the guard: good ones are blessed; bad ones, each with another fault, are rolled back
# and quarantined, and a switch to them is refused.
{ lib, pkgs, ... }:
{
  nodes.machine = {
    imports = [ ./support/guard.nix ];
    # No boot loader: guard-boot.nix tests that.
    boot.loader.grub.enable = false;
    test.versions = import ./support/bad.nix { inherit lib pkgs; } // {
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
      EXIT = "${versions.exit}"
      RECEIPT = "${versions.receipt}"
      UNREADY = "${versions.unready}"
      DIES = "${versions.dies}"
    ''
    + lib.readFile ./support/receipt.py
    + lib.readFile ./support/guard.py
    + lib.readFile ./guard-verdict.py;
}
