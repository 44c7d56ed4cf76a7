# The guard where versions are generations of NixOS: Nix and systemd-boot's files at hand, and the two points
# where a switch calls the guard: before anything changes, and after the boot loader has got the new version.
{
  config,
  lib,
  ...
}:
let
  cfg = config.services.uecho-guard;
  inherit (config.boot.loader) efi systemd-boot;
  on = cfg.enable && cfg.backend == "generations";

  # The guard of a version reads the settings of that version: the guard that runs may know other keys.
  guard = "${lib.getExe' cfg.package "uecho-guard"} --config ${
    config.environment.etc."uecho/guard.toml".source
  }";

  # Where the boot loader's files are: without these variables, bootctl looks in the usual places only.
  bootPaths =
    lib.optionalAttrs systemd-boot.enable { SYSTEMD_ESP_PATH = efi.efiSysMountPoint; }
    // lib.optionalAttrs (systemd-boot.enable && systemd-boot.xbootldrMountPoint != null) {
      SYSTEMD_XBOOTLDR_PATH = systemd-boot.xbootldrMountPoint;
    };

  # Variables in front of a command: the installer of a boot loader may run without a PATH that has bootctl.
  environment = lib.concatStringsSep " " (
    lib.mapAttrsToList lib.toShellVar (
      bootPaths // { PATH = lib.makeBinPath [ config.systemd.package ]; }
    )
  );

  # The boot loader's variable for its default (https://systemd.io/BOOT_LOADER_INTERFACE).
  loaderDefault = "/sys/firmware/efi/efivars/LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
in
{
  config = lib.mkMerge [
    (lib.mkIf on {
      assertions = [
        {
          assertion = cfg.onFailure == "rollback" -> config.nix.enable && config.system.switch.enable;
          message = ''
            services.uecho-guard.onFailure = "rollback": without nix.enable and system.switch.enable there are
            no generations to go back to. Set both, or onFailure = "report".
          '';
        }
      ];

      # nix-env, and systemctl, systemd-run, bootctl.
      services.uecho-guard.tools = [
        config.nix.package
        config.systemd.package
      ];

      systemd = {
        paths.uecho-guard.wantedBy = [ "paths.target" ];
        services.uecho-guard.environment = bootPaths;
        # A switch starts every active target and waits for it. This target waits for the guard, and the guard
        # waits for the switch: without this line both would wait for each other.
        targets.boot-complete.unitConfig.X-OnlyManualStart = true;
      };

      # Part of the new version, run before anything changes; its arguments are the path of that version and
      # the action (`switch`, `boot`, ...). Only a quarantine stops the switch: a guard that cannot answer
      # must not prevent the repair of a machine.
      system.preSwitchChecks.uecho-guard = ''
        if [ "''${2-}" != dry-activate ]; then
          status=0
          ${guard} preflight "$1" || status=$?
          case $status in
            0) ;;
            6) exit 1 ;;
            *)
              echo "uecho-guard: cannot tell whether this version is quarantined (status $status);" \
                "it is judged once it runs"
              ;;
          esac
        fi
      '';

      # A failure here does not fail the installation: a version that is not armed is still verified after its
      # boot.
      boot.loader.systemd-boot.extraInstallCommands = ''
        if [ -d /run/systemd/system ]; then
          ${environment} \
            ${guard} arm ||
            echo "uecho-guard: not armed (status $?):" \
              "if this version hangs at boot, another one has to be chosen by hand" >&2
        else
          echo "uecho-guard: not armed: no system runs here" >&2
        fi
      '';
    })

    (lib.mkIf (!cfg.enable) {
      # The default that the guard has set stays in the firmware's variables, where it would override every
      # later installation.
      boot.loader.systemd-boot.extraInstallCommands = ''
        if [ -e /var/lib/uecho-guard/ledger.json ] && [ -e ${loaderDefault} ]; then
          ${lib.getExe' config.systemd.package "bootctl"} set-default "" ||
            echo 'uecho-guard is off, but the boot loader still has the default that it set;' \
              'remove it: bootctl set-default ""' >&2
        fi
      '';
    })
  ];
}
