# The disk image boots through UEFI firmware, serves, and uses the whole of a disk that is larger than itself.
{ lib, ... }:
{
  nodes.machine.imports = [ ./support/image.nix ];

  testScript =
    { nodes, ... }:
    let
      inherit (nodes.machine.system.build) disk;
    in
    ''
      QEMU_IMG = "${lib.getExe' nodes.machine.virtualisation.qemu.package "qemu-img"}"
      IMAGE = "${disk}/${disk.passthru.filePath}"
    ''
    + lib.readFile ./support/image.py
    + lib.readFile ./support/receipt.py
    + lib.readFile ./image.py;
}
