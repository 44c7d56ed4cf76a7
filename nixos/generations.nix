# The variant that is updated by generations: Nix stays on the machine, each version has a boot entry, and a
# rollback selects an earlier one.
{
  lib,
  pkgs,
  ...
}:
let
  fileSystems = import ./file-systems.nix;
in
{
  # Forced, because the image variants of nixpkgs define a root file system of their own.
  fileSystems = lib.mapAttrs (_: lib.mkForce) (
    fileSystems
    // {
      "/boot" = {
        device = "/dev/disk/by-label/ESP";
        fsType = "vfat";
        options = [
          # Or a power cut soon after an entry was renamed leaves it empty (sealed-disk.nix).
          "dirsync"
          "umask=0077"
        ];
      };
    }
  );

  boot = {
    loader = {
      grub.enable = lib.mkForce false;
      systemd-boot = {
        enable = lib.mkForce true;
        editor = false;
        # A kernel and an initrd are about 50 MB, so the boot partition (image.nix) has room for ten.
        configurationLimit = 6;
      };
      timeout = lib.mkForce 1;
      # Images are built without access to firmware variables, so the loader is installed at the path that
      # firmware falls back to.
      efi.canTouchEfiVariables = false;
    };
    # grow-persist below does this: the service of nixpkgs grows only the partition of "/".
    growPartition = lib.mkForce false;
  };

  # The state uses the whole disk, also if the disk is larger than the image.
  systemd.services.grow-persist = {
    description = "Grow the Partition of /persist";
    wantedBy = [ "persist.mount" ];
    before = [
      "systemd-growfs@persist.service"
      "shutdown.target"
    ];
    conflicts = [ "shutdown.target" ];
    unitConfig.DefaultDependencies = false;
    path = [
      pkgs.cloud-utils.guest
      pkgs.util-linux
    ];
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      # growpart exits with 1 if there is nothing to grow.
      SuccessExitStatus = "0 1";
    };
    script = ''
      partition=$(readlink --canonicalize ${fileSystems."/persist".device})
      disk=$(lsblk --noheadings --nodeps --output PKNAME "$partition")
      # The disk of a test has no partitions: it is one file system.
      [ -n "$disk" ] || exit 0
      growpart "/dev/$disk" "$(cat "/sys/class/block/''${partition##*/}/partition")"
    '';
    enableStrictShellChecks = true;
  };

  # The guard rolls back a version that does not serve. Its ledger is in /var/lib, which persists.
  services.uecho-guard.enable = lib.mkDefault true;

  # Only what a deployment needs: a store that accepts paths that are signed or copied by root, and
  # generations.
  nix = {
    channel.enable = false;
    gc = {
      automatic = true;
      options = "--delete-older-than 30d";
    };
    settings = {
      allowed-users = [ "root" ];
      trusted-users = [ "root" ];
      experimental-features = [
        "flakes"
        "nix-command"
      ];
    };
  };
  # Otherwise the sources of nixpkgs would be on every machine, for commands that nobody runs there.
  nixpkgs.flake = {
    setFlakeRegistry = false;
    setNixPath = false;
  };

  # A boot entry whose system was garbage-collected cannot boot, so it is removed together with its
  # generation.
  systemd.services.nix-gc = {
    serviceConfig.RuntimeDirectory = "nix-gc";
    preStart = ''
      touch --reference=/nix/var/nix/profiles "$RUNTIME_DIRECTORY/before"
    '';
    postStart = ''
      if [ /nix/var/nix/profiles -nt "$RUNTIME_DIRECTORY/before" ]; then
        /nix/var/nix/profiles/system/bin/switch-to-configuration boot
      fi
    '';
  };

  system = {
    disableInstallerTools = true;
    tools.nixos-version.enable = true;
  };
}
