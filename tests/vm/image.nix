# The disk image itself: boots through UEFI firmware, serves, and fills a disk that is larger than it.
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
