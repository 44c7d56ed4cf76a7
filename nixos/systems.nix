# The systems of the flake: the appliance as it is, and one for each environment; and the images made of it.
{ nixpkgs, self }:
let
  inherit (nixpkgs) lib;
  mkAppliance =
    system: module:
    lib.nixosSystem {
      modules = [
        self.nixosModules.appliance
        module
        { nixpkgs.hostPlatform = system; }
      ];
    };
  appliance = system: mkAppliance system { };
  environments = import ./environments.nix { inherit lib; };
in
{
  inherit appliance environments;

  configurations = {
    appliance = appliance "x86_64-linux";
    appliance-aarch64 = appliance "aarch64-linux";
  }
  // lib.mapAttrs (_: mkAppliance "x86_64-linux") environments;

  # Package name to nixpkgs' name of the variant.
  images =
    system:
    lib.mapAttrs (_: variant: (appliance system).config.system.build.images.${variant}) {
      image = "raw-efi";
      image-qcow2 = "qemu-efi";
      image-amazon = "amazon";
      image-azure = "azure";
      image-google-compute = "google-compute";
      image-openstack = "openstack";
      image-proxmox = "proxmox";
    };
}
