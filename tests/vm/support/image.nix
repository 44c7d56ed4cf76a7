# The appliance from its own disk image, through UEFI firmware and its own boot loader: nothing comes from the
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
    # What the image mounts is what the machine mounts.
    fileSystems = lib.mkForce { };
    memorySize = 2048;
    mountHostNixStore = false;
    useDefaultFilesystems = false;
    useEFIBoot = true;
  };
}
