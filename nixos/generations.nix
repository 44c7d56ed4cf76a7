# The variant that is updated by generations: Nix stays on the machine, each version is a boot entry, and
# going back is choosing an earlier one.
{
  lib,
  pkgs,
  ...
}:
let
  fileSystems = import ./file-systems.nix;
in
{
  # Forced, because the image variants of nixpkgs bring their own idea of a root.
  fileSystems = lib.mapAttrs (_: lib.mkForce) (
    fileSystems
    // {
      "/boot" = {
        device = "/dev/disk/by-label/ESP";
        fsType = "vfat";
        options = [ "umask=0077" ];
      };
    }
  );

  boot = {
    loader = {
      grub.enable = lib.mkForce false;
      systemd-boot = {
        enable = lib.mkForce true;
        editor = false;
        # A kernel and an initrd are about 50 MB; the boot partition (image.nix) takes ten.
        configurationLimit = 6;
      };
      timeout = lib.mkForce 1;
      # Images are built where there are no firmware variables, so the loader is at the path that firmware
      # looks for anyway.
      efi.canTouchEfiVariables = false;
    };
    # Grown below: nixpkgs' own service looks for the partition under "/".
    growPartition = lib.mkForce false;

    # The image is the same for all machines, /etc is read-only, and the id has to be there when systemd
    # starts: the first boot makes one, on the file system that persists.
    initrd.systemd.services.machine-id = {
      description = "Machine ID of the First Boot";
      requiredBy = [ "initrd.target" ];
      before = [
        "initrd.target"
        "shutdown.target"
      ];
      conflicts = [ "shutdown.target" ];
      unitConfig = {
        DefaultDependencies = false;
        RequiresMountsFor = "/sysroot/var/lib";
        ConditionPathExists = "!/sysroot/var/lib/machine-id";
      };
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
      };
      script = ''
        tr --delete - </proc/sys/kernel/random/uuid >/sysroot/var/lib/machine-id.new
        chmod 0444 /sysroot/var/lib/machine-id.new
        sync /sysroot/var/lib/machine-id.new
        mv /sysroot/var/lib/machine-id.new /sysroot/var/lib/machine-id
      '';
    };
  };
  environment.etc = {
    machine-id = {
      source = "/var/lib/machine-id";
      mode = "direct-symlink";
    };
    # Every boot makes this folder unless there is a link, and cannot where /etc is read-only.
    nixos = {
      source = "/var/empty";
      mode = "direct-symlink";
    };
  };

  # Nothing new appears in "/" itself, not even by root. (What lies below it and does not persist is gone at
  # the next boot.)
  systemd.services.immutable-root = {
    description = "Make the Root Directory Immutable";
    wantedBy = [ "sysinit.target" ];
    after = [
      "local-fs.target"
      "systemd-tmpfiles-setup.service"
    ];
    before = [
      "sysinit.target"
      "shutdown.target"
    ];
    conflicts = [ "shutdown.target" ];
    unitConfig.DefaultDependencies = false;
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      ExecStart = "${lib.getExe' pkgs.e2fsprogs "chattr"} +i /";
      ExecStop = "${lib.getExe' pkgs.e2fsprogs "chattr"} -i /";
    };
  };

  # A disk larger than the image is used whole.
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
      # growpart says 1 when there is nothing to grow.
      SuccessExitStatus = "0 1";
    };
    script = ''
      partition=$(readlink --canonicalize ${fileSystems."/persist".device})
      disk=$(lsblk --noheadings --nodeps --output PKNAME "$partition")
      # Not every machine has its state on a partition: a test's disk is one file system.
      [ -n "$disk" ] || exit 0
      growpart "/dev/$disk" "$(cat "/sys/class/block/''${partition##*/}/partition")"
    '';
    enableStrictShellChecks = true;
  };

  # A version that does not serve is taken back; what the guard remembers is in /var/lib, which persists.
  services.uecho-guard.enable = lib.mkDefault true;

  # What deploying needs, and no more: a store that takes signed or root's copies, and generations.
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
  # nixpkgs' own flake would put its sources on every machine, for commands that nobody gives here.
  nixpkgs.flake = {
    setFlakeRegistry = false;
    setNixPath = false;
  };

  # A boot entry whose system was collected leads nowhere: the boot loader forgets it with the generation.
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
