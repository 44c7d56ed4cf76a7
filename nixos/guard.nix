# services.uecho-guard: the units of the package, settings that are checked while the system is built, and the
# two points where a switch calls the guard: before anything changes, and after the boot loader has got the
# new version.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.uecho-guard;
  service = config.services.uecho;
  served = service.enable or false;
  inherit (config.boot.loader) efi systemd-boot;
  format = pkgs.formats.toml { };
  inherit (import ./duration.nix { inherit lib; }) milliseconds;

  program = lib.getExe' cfg.package "uecho-guard";
  configuration =
    pkgs.runCommand "uecho-guard.toml" { source = format.generate "uecho-guard.toml" cfg.settings; }
      (
        lib.optionalString (pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform) ''
          ${program} --config "$source" status >/dev/null
        ''
        + ''
          cp "$source" "$out"
        ''
      );
  # The guard of a version reads the settings of that version: the guard that runs may know other keys.
  guard = "${program} --config ${configuration}";

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

  atMost =
    a: b:
    let
      x = milliseconds a;
      y = milliseconds b;
    in
    x == null || y == null || x <= y;
in
{
  imports = [ ./guard-options.nix ];

  config = lib.mkMerge [
    {
      services.uecho-guard.settings = {
        inherit (cfg)
          soak
          interval
          grace
          units
          checks
          ;
        max_reboots = cfg.maxReboots;
        max_attempts = cfg.maxAttempts;
        on_failure = cfg.onFailure;
        probe = cfg.probe.enable;
        inherit (cfg.probe) timeout;
      }
      // lib.optionalAttrs (cfg.probe.url != null) { inherit (cfg.probe) url; };
    }
    (lib.mkIf cfg.enable {
      assertions = [
        {
          assertion = cfg.probe.enable || cfg.units != [ ] || cfg.checks != [ ];
          message = ''
            services.uecho-guard: nothing would be checked, so every version would be good.
            Set probe.enable = true, or name what to look at in units or checks.
          '';
        }
        {
          assertion = cfg.probe.enable -> served || cfg.probe.url != null;
          message = ''
            services.uecho-guard.probe: this machine has no uecho to ask (services.uecho.enable = false).
            Say where one is in probe.url, or set probe.enable = false and name checks.
          '';
        }
        {
          assertion = atMost cfg.interval cfg.soak;
          message = ''
            services.uecho-guard.soak = "${cfg.soak}" is shorter than interval = "${cfg.interval}":
            a version would be checked only once. Make soak at least as long as interval.
          '';
        }
        {
          assertion = atMost cfg.soak "15m";
          message = ''
            services.uecho-guard.soak = "${cfg.soak}": the unit has half an hour for a rollback and two
            soaks. Make soak at most 15m.
          '';
        }
        {
          assertion = cfg.onFailure == "rollback" -> config.nix.enable && config.system.switch.enable;
          message = ''
            services.uecho-guard.onFailure = "rollback": without nix.enable and system.switch.enable there are
            no generations to go back to. Set both, or onFailure = "report".
          '';
        }
        {
          assertion = served -> cfg.package.outPath == service.package.outPath;
          message = ''
            services.uecho-guard.package differs from services.uecho.package, and both bring the same units.
            Set services.uecho.package only: services.uecho-guard.package follows it.
          '';
        }
      ];

      environment = {
        etc."uecho/guard.toml".source = configuration;
        systemPackages = [ cfg.package ];
      };

      systemd = {
        packages = [ cfg.package ];
        # NixOS does not read [Install] of the units; this says the same.
        paths.uecho-guard.wantedBy = [ "paths.target" ];
        services = {
          uecho-guard = {
            wantedBy = [ "multi-user.target" ];
            requiredBy = [ "boot-complete.target" ];
            enableDefaultPath = false;
            # nix-env, and systemctl, systemd-run, bootctl.
            path = [
              config.nix.package
              config.systemd.package
            ];
            environment = bootPaths;
          };
          "uecho-guard-again@" = {
            enableDefaultPath = false;
            path = [ config.systemd.package ];
          };
          uecho-guard-overdue = {
            description = "Verify the system although its boot is not done";
            # The guard has not begun in this boot.
            unitConfig.ConditionPathExists = "!/run/uecho-guard/begun";
            enableDefaultPath = false;
            serviceConfig = {
              Type = "oneshot";
              ExecStart = lib.concatStringsSep " " [
                (lib.getExe' config.systemd.package "systemctl")
                "--no-block"
                "--job-mode=ignore-dependencies"
                "start"
                "uecho-guard.service"
              ];
            };
          };
        };
        timers.uecho-guard-overdue = {
          description = "Verify the system although its boot is not done";
          wantedBy = [ "timers.target" ];
          timerConfig = {
            OnBootSec = cfg.bootTimeout;
            AccuracySec = "1s";
          };
        };
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
      # The package of the service contains the guard's units, too. Disabling them here stops the guard with
      # the switch, not only at the next boot.
      systemd = lib.mkIf served {
        paths.uecho-guard.enable = false;
        services.uecho-guard.enable = false;
        services."uecho-guard-again@".enable = false;
      };
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
