# The systems of the flake: the appliance by itself, the machines of the fleet, those of each environment, and
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
  inherit (import ./fleets.nix) environments fleet;
  fleetMachines = import ./fleet-machines.nix {
    inherit lib;
    inherit (self) nixosModules;
  };
  fleetSystems =
    fleet: lib.mapAttrs (_: module: machine [ module ] "x86_64-linux") (fleetMachines fleet);
  fleetOfFlake = fleetSystems (import ./fleet.nix);
  # The machines of these environments, by ENVIRONMENT-MACHINE.
  environmentSystems = lib.concatMapAttrs (
    environment: values:
    lib.mapAttrs' (name: lib.nameValuePair "${environment}-${name}") (fleetSystems (fleet values))
  );
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
    environmentSystems
    sealed
    variants
    ;
  fleet = fleetOfFlake;

  configurations = {
    appliance = appliance.x86_64-linux;
    appliance-aarch64 = appliance.aarch64-linux;
    appliance-sealed = sealed.x86_64-linux;
    appliance-sealed-aarch64 = sealed.aarch64-linux;
  }
  // fleetOfFlake
  // environmentSystems environments;

  # By system and name.
  images = lib.mapAttrs (
    _: machine: lib.mapAttrs (_: variant: machine.config.system.build.images.${variant}) variants
  ) appliance;
}
