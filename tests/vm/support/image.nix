# The appliance on its own disk image, with UEFI firmware and its own boot loader: it uses nothing of the
# host.
{ config, lib, ... }:
{
  imports = [
    ./appliance.nix
    ../../../nixos/image.nix
  ];

  system.build.disk = config.system.build.images.raw-efi;

  virtualisation = {
    directBoot.enable = false;
    # The machine mounts exactly the file systems of the image.
    fileSystems = lib.mkForce { };
    memorySize = 2048;
    mountHostNixStore = false;
    useDefaultFilesystems = false;
    useEFIBoot = true;
  };
}
