# Generations on the appliance's own disk, with its guard: a new one, a rollback by hand without a reboot, and
# the boot of an older one from the boot menu.
{ lib, ... }:
{
  nodes.machine = {
    imports = [
      ./support/image.nix
      ./support/versions.nix
    ];
    services.uecho-guard.soak = "5s";
    # The test's files are on the disk of the image only.
    system.extraDependencies = lib.mkForce [ ];
    image.modules.raw-efi =
      { config, ... }:
      {
        system.extraDependencies = lib.mkOverride 45 [ config.system.build.versions.v2 ];
      };
  };

  testScript =
    { nodes, ... }:
    let
      inherit (nodes.machine.system.build) disk;
      # The system of the image has another name, and its further versions need the same name.
      inherit (disk.passthru.config.system.build) versions;
    in
    ''
      QEMU_IMG = "${lib.getExe' nodes.machine.virtualisation.qemu.package "qemu-img"}"
      IMAGE = "${disk}/${disk.passthru.filePath}"
      V2 = "${versions.v2}"
    ''
    + lib.readFile ./support/image.py
    + lib.readFile ./support/receipt.py
    + lib.readFile ./support/guard.py
    + lib.readFile ./rollback.py;
}
