# Real generations under the guard: good ones are blessed; bad ones, each bad in its own way, are taken back,
# remembered, refused.
{ lib, pkgs, ... }:
{
  nodes.machine = {
    imports = [ ./support/guard.nix ];
    # Nothing to boot from: that is the test of the boot loader.
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
