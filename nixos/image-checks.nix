# Claims about the images, all checked by evaluation.
{
  appliance,
  lib,
  # By name of the image: nixpkgs' name of the variant.
  variants,
}:
let
  inherit (appliance) config;
  # Not system.build.images, which would stay in the evaluator's memory.
  evaluate =
    variant: (appliance.extendModules { modules = [ config.image.modules.${variant} ]; }).config;

  # A kernel and an initrd are about 50 MB, and a new entry is written before the oldest is removed.
  needed = (config.boot.loader.systemd-boot.configurationLimit + 1) * 60;

  claims =
    name: variant:
    let
      machine = evaluate variant;
      inherit (machine.system.build) image;
      # As make-disk-image.nix writes it.
      boot = builtins.match ".*bootSize=[^']*'([0-9]+)M'.*" image.preVM;
    in
    {
      "${name} has room for its boot entries" = boot != null && lib.toInt (lib.head boot) >= needed;
      "${name} has no copy of nixpkgs" =
        lib.hasInfix "--no-channel-copy" image.preVM
        && !(machine.system.installer.channel.enable or false)
        && machine.nix.registry == { }
        && machine.nix.nixPath == [ ];
      "${name} has a name of its own, and so has its system" =
        image.name == "uecho-${name}"
        && lib.hasPrefix "nixos-system-uecho-${name}-" machine.system.build.toplevel.name;
      "${name} boots by systemd-boot, from the appliance's own file systems" =
        machine.boot.loader.systemd-boot.enable
        && !machine.boot.loader.grub.enable
        && machine.fileSystems."/".fsType == "tmpfs"
        && machine.fileSystems."/persist".device == "/dev/disk/by-label/nixos";
      "${name} has its boot partition written in order" =
        lib.elem "dirsync"
          machine.fileSystems."/boot".options;
    };
in
lib.concatMapAttrs claims variants
