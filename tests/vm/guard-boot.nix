# systemd-boot and UEFI: a version that is installed for the next boot gets one; whatever goes wrong in it,
# the last good version is what the firmware is told to start.
{ lib, pkgs, ... }:
let
  # These never get far enough for the test driver, or reboot on their own: it waits for the next version that
  # lets it in.
  alone = module: {
    imports = [ module ];
    testing.backdoor = false;
  };
  early = script: {
    systemd.services.bad = {
      wantedBy = [ "multi-user.target" ];
      before = [ "uecho-guard.service" ];
      serviceConfig.Type = "oneshot";
      inherit script;
    };
  };
in
{
  nodes.machine = {
    imports = [ ./support/guard.nix ];

    boot = {
      loader = {
        efi.canTouchEfiVariables = true;
        systemd-boot.enable = true;
        timeout = 1;
      };
      kernelModules = [ "i6300esb" ];
    };
    # Short, because the driver waits five minutes for a shell, and in one case nobody has any before this and
    # a second boot.
    services.uecho-guard.bootTimeout = "2m";
    # What the appliance has, too.
    systemd.settings.Manager.RuntimeWatchdogSec = "15s";
    # The same machine in all boots.
    environment.etc.machine-id.text = "8c4f2b7a9d1e4c63b05a7f3e6d2c1b90\n";
    virtualisation = {
      qemu.options = [ "-device i6300esb" ];
      useBootLoader = true;
      useEFIBoot = true;
    };

    test.versions = {
      panics = alone (early "echo c >/proc/sysrq-trigger");
      # The service manager is no more: nothing answers, and nobody feeds the watchdog.
      hangs = alone (early "kill -SEGV 1; sleep infinity");
      # Up, but never done with it: everything waits for one service.
      stuck = alone {
        boot.kernelParams = [ "uecho.stuck" ];
        systemd.services.bad = {
          wantedBy = [ "multi-user.target" ];
          before = [ "uecho.service" ];
          serviceConfig = {
            Type = "oneshot";
            ExecStart = "${lib.getExe' pkgs.coreutils "sleep"} infinity";
            TimeoutStartSec = "infinity";
          };
        };
      };
      # Comes up and answers, but not as itself. With other kernel parameters, so that the way back is a
      # reboot.
      another = alone {
        boot.kernelParams = [ "uecho.another" ];
        services.uecho.settings.system = lib.mkForce "not-another";
      };
      v2.services.uecho.settings.message = "v2";
    };
  };

  globalTimeout = 2 * 3600;

  testScript =
    { nodes, ... }:
    let
      inherit (nodes.machine.system.build) toplevel versions;
    in
    ''
      V1 = "${toplevel}"
      V2 = "${versions.v2}"
      PANICS = "${versions.panics}"
      HANGS = "${versions.hangs}"
      STUCK = "${versions.stuck}"
      ANOTHER = "${versions.another}"
    ''
    + lib.readFile ./support/receipt.py
    + lib.readFile ./support/guard.py
    + lib.readFile ./guard-boot.py;
}
