# A QEMU machine that starts from a disk image, by UEFI firmware and the boot loader on it: nothing comes from
# the host, and what the image mounts is what the machine mounts.
{ lib, ... }:
{
  virtualisation = {
    directBoot.enable = false;
    fileSystems = lib.mkForce { };
    mountHostNixStore = false;
    useDefaultFilesystems = false;
    useEFIBoot = true;
  };
}
