# systemd-boot and UEFI: a version that is installed for the next boot gets one boot. Whatever fails in it,
# the boot loader's default stays the last good version.
{ lib, pkgs, ... }:
let
  # The test driver cannot connect to these versions, which hang or reboot: it waits for the next version that
  # accepts its connection.
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
    # Short, because the driver waits five minutes for a shell: in one case this time and a second boot pass
    # before there is one.
    services.uecho-guard.bootTimeout = "2m";
    # As in the appliance.
    systemd.settings.Manager.RuntimeWatchdogSec = "15s";
    # All boots have the same machine id.
    environment.etc.machine-id.text = "8c4f2b7a9d1e4c63b05a7f3e6d2c1b90\n";
    virtualisation = {
      qemu.options = [ "-device i6300esb" ];
      useBootLoader = true;
      useEFIBoot = true;
    };

    test.versions = {
      panics = alone (early "echo c >/proc/sysrq-trigger");
      # The service manager has crashed: nothing answers, and nothing feeds the watchdog.
      hangs = alone (early "kill -SEGV 1; sleep infinity");
      # The boot never ends, because it waits for one service.
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
      # Boots and answers, but with the receipt of another version. It has other kernel parameters, so that
      # the rollback needs a reboot.
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
