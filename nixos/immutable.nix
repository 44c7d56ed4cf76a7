# What a machine needs whose root is a tmpfs and whose /etc is read-only, wherever its state lies: an id that
# stays, and a root directory in which nothing new appears.
{ lib, pkgs, ... }:
{
  # The image is the same for all machines, /etc is read-only, and systemd needs the id when it starts. So the
  # first boot makes an id in the initrd, on the file system that persists.
  boot.initrd.systemd.services.machine-id = {
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
      # A file system that was made just now is empty.
      mkdir --parents /sysroot/var/lib
      tr --delete - </proc/sys/kernel/random/uuid >/sysroot/var/lib/machine-id.new
      chmod 0444 /sysroot/var/lib/machine-id.new
      sync /sysroot/var/lib/machine-id.new
      mv /sysroot/var/lib/machine-id.new /sysroot/var/lib/machine-id
    '';
  };
  environment.etc = {
    machine-id = {
      source = "/var/lib/machine-id";
      mode = "direct-symlink";
    };
    # Activation creates this folder at every boot, which fails in a read-only /etc, unless a link is there.
    nixos = {
      source = "/var/empty";
      mode = "direct-symlink";
    };
  };

  # Nobody, not even root, can create anything in "/" itself. (Below it, what does not persist is gone after
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
}
