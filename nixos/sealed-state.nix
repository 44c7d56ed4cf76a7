# What lies on the disk of a sealed machine besides its versions: /var, made at the first boot from the rest
# of the disk, grown when the disk grows, emptied by a factory reset, and made anew when it is destroyed:
# nobody is there who could repair it. Everything else that can be written is gone at the next boot.
{
  config,
  lib,
  utils,
  ...
}:
let
  cfg = config.appliance.state;
  # The state is a file system like that of the other variant, on a partition of its own.
  shared = import ./file-systems.nix;
  label = "/dev/disk/by-partlabel/var";
  unit = utils.escapeSystemdPath;
  # Whoever looks at the partition first: a reset must be through by then.
  first =
    if cfg.encrypted then
      [ "systemd-cryptsetup@var.service" ]
    else
      [
        "systemd-fsck@${unit label}.service"
        "systemd-makefs@${unit label}.service"
      ];
in
{
  options.appliance.state = {
    encrypted = lib.mkOption {
      type = lib.types.bool;
      default = false;
      description = ''
        Whether {file}`/var` is encrypted, with a key that only this machine's TPM 2.0 has, and gives only
        while the state of Secure Boot is the same (PCR 7). A machine whose firmware loses that state has
        lost its {file}`/var`.
      '';
    };
  };

  config = {
    fileSystems = {
      inherit (shared) "/";
      "/var" = shared."/persist" // {
        device = if cfg.encrypted then "/dev/mapper/var" else label;
        # One without a file system; systemd-repart makes only what is not in the partition table.
        autoFormat = true;
      };
    };

    # The only partition that a machine makes by itself. The slots are in the image, and no definition names
    # them: one that an update has left half done would not fit any.
    systemd.repart.partitions."50-var" = {
      Type = "linux-generic";
      Label = "var";
      Format = "ext4";
      SizeMinBytes = "256M";
      FactoryReset = true;
    }
    // lib.optionalAttrs cfg.encrypted { Encrypt = "tpm2"; };

    # One that is damaged: what the usual check leaves to a human is repaired as well as it can be.
    boot.kernelParams = [ "fsck.repair=yes" ];
    boot.initrd = {
      systemd = {
        repart = {
          enable = true;
          # Without a device: on the disk that /usr is on, so /usr has to be there.
          extraArgs = lib.optional cfg.encrypted "--tpm2-pcrs=7";
        };
        additionalUpstreamUnits = [ "initrd-usr-fs.target" ];
        services = {
          systemd-repart = {
            after = [ "initrd-usr-fs.target" ];
            before = first ++ [ "${unit "/sysroot/var"}.mount" ];
          };
          systemd-factory-reset-complete.before = first;
        };
      };
      availableKernelModules = lib.optional cfg.encrypted "dm_crypt";
      luks.devices = lib.mkIf cfg.encrypted {
        var = {
          device = label;
          crypttabExtraOpts = [ "tpm2-device=auto" ];
        };
      };
    };
  };
}
