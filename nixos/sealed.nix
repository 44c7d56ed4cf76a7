# The variant that is updated by images: no Nix and no interpreter on the machine but the shell of the units,
# a store that dm-verity protects, in one of two slots, and a guard that tells the boot loader which slot is
# bad. The disk is described in sealed-disk.nix, what lies on it besides versions in sealed-state.nix, how the
# next version comes in sealed-update.nix.
{
  config,
  lib,
  modulesPath,
  ...
}:
let
  inherit (config.system) image;
  inherit (config.systemd.settings.Manager) RuntimeWatchdogSec;
  watchdog = (import ./duration.nix { inherit lib; }).milliseconds RuntimeWatchdogSec;
  longest = 23;
  version = toString image.version;
in
{
  imports = [
    "${modulesPath}/profiles/image-based-appliance.nix"
    ./appliance.nix
    ./sealed-disk.nix
    ./sealed-state.nix
    ./sealed-update.nix
  ];

  assertions = [
    {
      assertion = image.version != null;
      message = ''
        system.image.version is not set: without a version nothing protects the slot that runs from being
        overwritten. Set it, for example to "1.4.0", and to a higher one for every image.
      '';
    }
    {
      assertion = image.version == null || builtins.match "[a-z0-9][a-z0-9.~^-]*" version != null;
      message = ''
        system.image.version = "${version}": names of files and partitions are made of it, so it may have
        a-z, 0-9 and . ~ ^ - only, beginning with a letter or a digit: no capitals, no "_", no "+".
      '';
    }
    {
      assertion = lib.stringLength version <= longest;
      message = ''
        system.image.version = "${version}" has ${toString (lib.stringLength version)} characters,
        but the label of a partition ("uecho_VERSION_verity") has room for ${toString longest} of them.
      '';
    }
    {
      assertion = image.id == "uecho";
      message = ''
        system.image.id = "${toString image.id}": slots, boot images and updates are named "uecho"
        (systemd/sysupdate.d). Leave it at "uecho", or bring transfers of your own.
      '';
    }
    {
      assertion = watchdog == null || watchdog >= 60000;
      message = ''
        systemd.settings.Manager.RuntimeWatchdogSec = "${RuntimeWatchdogSec}": a reset by the watchdog uses up
        a boot of the version that runs, and a slow machine is no bad version. Set it to 60s or more.
      '';
    }
  ];

  services = {
    uecho.settings = {
      # Stronger than the default of the module, which is the label.
      system = lib.mkOverride 900 image.version;
      # The version says it all: the same version cannot be published with another content.
      current_system = null;
    };
    uecho-guard = {
      enable = lib.mkDefault true;
      backend = "slots";
    };
  };

  # The rest of "no interpreter": perl is forbidden by the appliance's profile. bash stays, for the units and
  # the activation of nixpkgs.
  system = {
    forbiddenDependenciesRegexes = [
      "python3"
      "-nix-[0-9]"
    ];
    # /usr is the read-only file system of the version.
    activationScripts.usrbinenv = lib.mkForce "";
  };
  boot = {
    loader = {
      grub.enable = false;
      # Nothing installs a boot loader here; it is part of the image.
      systemd-boot.enable = false;
    };
    # Whatever goes wrong before the guard must end in another boot, or the boot loader never counts to the
    # end: a store that is not what was signed, and a kernel that panics (later than, and so instead of,
    # panic=1 of headless.nix; long enough to be read).
    kernelParams = lib.mkAfter [
      "systemd.verity_usr_options=panic-on-corruption"
      "panic=10"
    ];
    initrd.systemd = {
      settings.Manager.RuntimeWatchdogSec = lib.mkOverride 890 "60s";
      # A slot or a state that does not appear is an emergency after 90 s, and a panic with it
      # (boot.panic_on_fail of headless.nix). This is for what waits without a limit.
      targets.initrd.unitConfig = {
        JobTimeoutSec = "5min";
        JobTimeoutAction = "reboot-force";
      };
    };
  };
  systemd.settings.Manager.RuntimeWatchdogSec = lib.mkOverride 890 "60s";
}
