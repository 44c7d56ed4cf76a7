# services.uecho-guard: the units of the package, and settings that are checked while the system is built.
# What is different where versions are generations, or images in slots, is in guard-generations.nix and
# guard-slots.nix.
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
  format = pkgs.formats.toml { };
  inherit (import ./duration.nix { inherit lib; }) milliseconds;

  program = lib.getExe' cfg.package "uecho-guard";
  configuration =
    pkgs.runCommand "uecho-guard.toml" { source = format.generate "uecho-guard.toml" cfg.settings; }
      (
        lib.optionalString (pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform) ''
          ${program} --config "$source" check-config >/dev/null
        ''
        + ''
          cp "$source" "$out"
        ''
      );

  atMost =
    a: b:
    let
      x = milliseconds a;
      y = milliseconds b;
    in
    x == null || y == null || x <= y;
in
{
  imports = [
    ./guard-generations.nix
    ./guard-options.nix
    ./guard-slots.nix
  ];

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
      // lib.optionalAttrs (cfg.probe.url != null) { inherit (cfg.probe) url; }
      // lib.optionalAttrs (cfg.backend == "slots") {
        inherit (cfg) backend;
        slots = {
          inherit (cfg.slots) boot sysupdate;
          after_update = cfg.slots.afterUpdate;
        };
      };
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
        services = {
          # NixOS does not read [Install] of the units; this says the same.
          uecho-guard = {
            wantedBy = [ "multi-user.target" ];
            requiredBy = [ "boot-complete.target" ];
            enableDefaultPath = false;
            path = cfg.tools;
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
              MemoryMax = "64M";
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
      };
    })

    (lib.mkIf (!cfg.enable) {
      # The package of the service contains the guard's units, too. Disabling them here stops the guard with
      # the switch, not only at the next boot.
      systemd = lib.mkIf served {
        paths.uecho-guard.enable = false;
        services.uecho-guard.enable = false;
        services."uecho-guard-again@".enable = false;
      };
    })
  ];
}
