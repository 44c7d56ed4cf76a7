# The systems of the flake: the appliance by itself, one for each environment, the machines of the fleet, and
# the images of the appliance.
{
  nixpkgs,
  pkgsFor,
  self,
}:
let
  inherit (nixpkgs) lib;
  machine =
    modules: system:
    lib.nixosSystem { modules = modules ++ [ { nixpkgs.pkgs = pkgsFor.${system}; } ]; };
  mkAppliance =
    system: module:
    machine [
      self.nixosModules.appliance
      module
    ] system;
  appliance = lib.mapAttrs (system: _: mkAppliance system { }) pkgsFor;
  sealed = lib.mapAttrs (system: _: machine [ self.nixosModules.sealed ] system) pkgsFor;
  environments = import ./environments.nix { inherit lib; };
  fleet = import ./fleet-machines.nix {
    inherit lib;
    inherit (self) nixosModules;
  } (import ./fleet.nix);
  # Name of an image to nixpkgs' name of the variant (image.nix).
  variants = {
    image = "raw-efi";
    qcow2 = "qemu-efi";
    amazon = "amazon";
    azure = "azure";
    google-compute = "google-compute";
    openstack = "openstack";
    proxmox = "proxmox";
  };
in
{
  # The appliance by system, evaluated once: images, VM and tests are made from the same one.
  inherit
    appliance
    environments
    sealed
    variants
    ;

  configurations = {
    appliance = appliance.x86_64-linux;
    appliance-aarch64 = appliance.aarch64-linux;
    appliance-sealed = sealed.x86_64-linux;
    appliance-sealed-aarch64 = sealed.aarch64-linux;
  }
  // lib.mapAttrs (_: mkAppliance "x86_64-linux") environments
  // lib.mapAttrs (_: module: machine [ module ] "x86_64-linux") fleet;

  # By system and name.
  images = lib.mapAttrs (
    _: machine: lib.mapAttrs (_: variant: machine.config.system.build.images.${variant}) variants
  ) appliance;
}
