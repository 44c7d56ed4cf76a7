# The sealed appliance, and versions that never get as far as the guard: the boot loader counts their boots,
# and the machine comes back with the version before.
{ lib, ... }:
let
  # The driver waits for the next version that lets it in.
  alone = number: module: {
    imports = [ module ];
    system.image.version = lib.mkForce number;
    testing.backdoor = false;
  };
  crash = "echo c >/proc/sysrq-trigger";
in
{
  nodes = {
    server = ./support/sealed-server.nix;
    machine = {
      imports = [ ./support/sealed.nix ];
      test.versions = {
        early = alone "2" {
          boot.initrd.systemd.services.bad = {
            requiredBy = [ "initrd.target" ];
            before = [ "initrd.target" ];
            unitConfig.DefaultDependencies = false;
            serviceConfig.Type = "oneshot";
            script = crash;
          };
        };
        late = alone "3" {
          systemd.services.bad = {
            wantedBy = [ "multi-user.target" ];
            before = [ "uecho-guard.service" ];
            serviceConfig.Type = "oneshot";
            script = crash;
          };
        };
        # Good, until its slot is gone. It does not wait for it as long as others, so that the driver has
        # time.
        lost = alone "4" { boot.kernelParams = [ "systemd.default_device_timeout_sec=20" ]; };
        # Good, until its store is another one.
        corrupt = alone "5" { };
      };
    };
  };

  globalTimeout = 2 * 3600;

  testScript =
    { nodes, ... }:
    let
      inherit (nodes.machine.system.build) image keys payloads;
    in
    ''
      QEMU_IMG = "${lib.getExe' nodes.machine.virtualisation.qemu.package "qemu-img"}"
      IMAGE = "${image}/${nodes.machine.image.filePath}"
      KEYS = "${keys}"
      EARLY = "${payloads.early}"
      LATE = "${payloads.late}"
      LOST = "${payloads.lost}"
      CORRUPT = "${payloads.corrupt}"
    ''
    + lib.readFile ./support/sealed-server.py
    + lib.readFile ./support/image.py
    + lib.readFile ./support/sealed.py
    + lib.readFile ./sealed-hangs.py;
}
