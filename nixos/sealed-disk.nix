# The disk of a sealed machine as it is shipped: a boot partition with systemd-boot and one boot image, a slot
# with the store of this version and its hash tree, and an empty slot for the next one. What is too large for
# its slot, or for a machine that downloads it, does not build.
{
  config,
  lib,
  modulesPath,
  pkgs,
  options,
  ...
}:
let
  cfg = config.appliance.disk;
  inherit (config.image) repart;
  ids = repart.verityStore.partitionIds;
  inherit (pkgs.stdenv.hostPlatform) efiArch;
  version = toString config.system.image.version;
  labels = {
    store = "uecho_${version}";
    verity = "uecho_${version}_verity";
  };

  mebibytes =
    default: description:
    lib.mkOption {
      type = lib.types.ints.positive;
      inherit default description;
    };
  fixed = size: {
    SizeMinBytes = "${toString size}M";
    SizeMaxBytes = "${toString size}M";
    Minimize = "off";
  };
  # Of the same type and size as the partition of the first slot.
  second =
    id: size:
    {
      inherit (repart.partitions.${id}.repartConfig) Type;
      Label = "_empty";
      SplitName = "-";
    }
    // fixed size;
in
{
  imports = [ "${modulesPath}/image/repart.nix" ];

  options.appliance.disk = {
    boot = mebibytes 512 "MiB of the boot partition: three boot images, with room to spare.";
    store = mebibytes 1024 "MiB of a slot's store. It cannot change on a machine that is installed.";
    verity = mebibytes 16 "MiB of a slot's hash tree: one in a hundred of the store.";
    ceilings = {
      store = mebibytes 180 "MiB of the compressed store at which the image no longer builds.";
      uki = mebibytes 55 "MiB of the boot image (kernel and initrd) at which the image no longer builds.";
      payload = mebibytes 238 "MiB of a whole update at which it no longer builds; 238 MiB are 250 MB.";
    };
  };

  config = {
    assertions = [
      {
        assertion = cfg.store * 4 >= cfg.ceilings.store * 5;
        message = ''
          appliance.disk.store = ${toString cfg.store}: a store of ${toString cfg.ceilings.store} MiB
          (ceilings.store) would fill more than 80 % of the slot. Make it at least ${
            toString ((cfg.ceilings.store * 5 + 3) / 4)
          }.
        '';
      }
      {
        assertion = cfg.verity >= 16 && cfg.verity * 100 >= cfg.store;
        message = ''
          appliance.disk.verity = ${toString cfg.verity}: the hash tree of a store needs one MiB in a hundred,
          and the store has ${toString cfg.store}. Make it at least ${
            toString (lib.max 16 ((cfg.store + 99) / 100))
          }.
        '';
      }
      {
        assertion = cfg.boot >= cfg.ceilings.uki * 4;
        message = ''
          appliance.disk.boot = ${toString cfg.boot}: two boot images of ${toString cfg.ceilings.uki} MiB
          (ceilings.uki), and a third that is on its way, need more. Make it at least ${
            toString (cfg.ceilings.uki * 4)
          }.
        '';
      }
    ];

    fileSystems = {
      "/nix/store" = {
        device = "/usr/nix/store";
        fsType = "none";
        options = [ "bind" ];
      };
      "/boot" = {
        device = "/dev/disk/by-partlabel/esp";
        fsType = "vfat";
        options = [
          # Linux renames on FAT by an empty entry, which gets the content later. In this order, and at
          # once, or a power cut after the last step of an update leaves a boot image with nothing in it.
          "dirsync"
          "nodev"
          "noexec"
          "nosuid"
          "umask=0077"
        ];
      };
    };
    boot.kernelParams = [
      "mount.usrfstype=erofs"
      "mount.usrflags=ro"
    ];

    image.repart = {
      verityStore = {
        enable = true;
        partitionIds = {
          esp = "00-esp";
          store-verity = "10-verity-a";
          store = "20-store-a";
        };
      };
      split = true;
      # Room for a first /var, so that the image also boots as it is; the rest of a larger disk is used whole.
      imageSize = "${toString (cfg.boot + 2 * (cfg.store + cfg.verity) + 1024)}M";
      # Blocks that the kernel takes for what they are on any disk, compression that its erofs knows, and
      # nothing that depends on how the builder's store links its files.
      mkfsOptions.erofs = [
        "-b 4096"
        "-zlz4hc,12"
        "-C65536"
        "--hard-dereference"
      ];

      partitions = {
        ${ids.esp} = {
          contents = {
            "/EFI/BOOT/BOOT${lib.toUpper efiArch}.EFI".source =
              "${config.systemd.package}/lib/systemd/boot/efi/systemd-boot${efiArch}.efi";
            # No default: the highest version that has boots left is started.
            "/loader/loader.conf".source = pkgs.writeText "loader.conf" ''
              timeout 0
              editor no
            '';
          };
          repartConfig = {
            Type = "esp";
            Label = "esp";
            Format = "vfat";
            SplitName = "-";
          }
          // fixed cfg.boot;
        };
        ${ids.store-verity}.repartConfig = {
          Label = labels.verity;
          SplitName = "verity";
          VerityDataBlockSizeBytes = 4096;
          VerityHashBlockSizeBytes = 4096;
        }
        // fixed cfg.verity;
        ${ids.store}.repartConfig = {
          Label = labels.store;
          SplitName = "store";
        }
        // fixed cfg.store;
        "30-verity-b".repartConfig = second ids.store-verity cfg.verity;
        "40-store-b".repartConfig = second ids.store cfg.store;
      };
    }
    // lib.optionalAttrs (options.image.repart ? enable) { enable = true; };

    # The module of nixpkgs takes the root hash of every partition of that type, and here there are two.
    system.build.uki = lib.mkOverride 98 (
      pkgs.callPackage ./sealed-uki.nix {
        inherit (config.system.boot.loader) ukiFile;
        inherit (config.system.build) intermediateImage;
        inherit (cfg) ceilings;
        inherit labels;
        cmdline = "init=${config.system.build.toplevel}/init ${toString config.boot.kernelParams}";
        configFile = config.boot.uki.configFile;
        artifact = "${config.image.baseName}.store.raw";
        slot = cfg.store;
      }
    );
    system.build.update = pkgs.callPackage ./sealed-payload.nix {
      inherit (config.image) baseName;
      inherit (config.system.boot.loader) ukiFile;
      inherit (config.system.build) intermediateImage uki;
      inherit labels;
      ceiling = cfg.ceilings.payload;
    };
  };
}
