# Claims about services.uecho-guard, all checked by evaluation.
{ pkgs, self }:
let
  inherit (pkgs) lib;
  inherit (import ./claims.nix { inherit pkgs self; })
    accepts
    bare
    evaluate
    refuses
    ;

  with' = guard: {
    services.uecho-guard = guard // {
      enable = true;
    };
  };
  # A machine with another service and no uecho.
  other =
    guard:
    lib.recursiveUpdate (with' guard) {
      services.uecho.enable = lib.mkForce false;
    };
  page = {
    name = "page";
    command = [ "/run/current-system/sw/bin/true" ];
  };

  machine =
    module:
    evaluate {
      imports = [ module ];
      fileSystems."/" = {
        device = "tmpfs";
        fsType = "tmpfs";
      };
      boot.loader = {
        grub.enable = false;
        systemd-boot.enable = true;
      };
    };
  on = machine (with' { });
  off = machine { };
  inherit (on.systemd) services;
  overdue = services.uecho-guard-overdue.serviceConfig;
  hooks = {
    check = on.system.preSwitchChecks.uecho-guard;
    installed = on.boot.loader.systemd-boot.extraInstallCommands;
  };
  # A text to search for, without string context: hasInfix refuses a text that refers to store paths.
  guard = builtins.unsafeDiscardStringContext (
    lib.concatStringsSep " " [
      (lib.getExe' on.services.uecho.package "uecho-guard")
      "--config"
      on.environment.etc."uecho/guard.toml".source
    ]
  );
in
{
  "a guard that checks nothing is refused" = refuses (other { }) [
    "nothing would be checked"
    "checks"
  ];
  "a probe without a service is refused" = refuses (other { probe.enable = true; }) [
    "services.uecho.enable"
    "probe.url"
  ];
  "a soak shorter than the interval is refused" =
    refuses
      (with' {
        soak = "1s";
        interval = "1500ms";
      })
      [
        ''"1s"''
        ''"1500ms"''
      ];
  "a soak longer than the unit's time allows is refused" = refuses (with' { soak = "1h"; }) [ "15m" ];
  "a rollback without generations is refused" = refuses (with' { } // { nix.enable = false; }) [
    "nix.enable"
    "report"
  ];
  "two packages with the same units are refused" = refuses (with' { package = pkgs.hello; }) [
    "services.uecho.package"
  ];
  "the defaults are accepted" = accepts (with' { });
  "durations are compared by value, not as text" = accepts (with' {
    soak = "1m 30s";
    interval = "9s";
  });
  "a report needs no generations" = accepts (
    with' { onFailure = "report"; } // { nix.enable = false; }
  );
  "any service can be guarded" = accepts (other {
    units = [ "nginx.service" ];
    checks = [ page ];
  });

  "it needs no uecho" =
    let
      alone = bare [
        self.nixosModules.guard
        {
          services.uecho-guard = {
            enable = true;
            units = [ "nginx.service" ];
            checks = [ page ];
          };
        }
      ];
    in
    !(alone.services.uecho ? enable)
    && !alone.services.uecho-guard.settings.probe
    && alone.services.uecho-guard.package.drvPath == pkgs.uecho.drvPath
    && alone.systemd.paths.uecho-guard.wantedBy == [ "paths.target" ]
    && lib.all (a: a.assertion || !lib.hasPrefix "services.uecho" a.message) alone.assertions
    && !(bare [ self.nixosModules.guard ]).services.uecho-guard.enable;

  "it is off by default" =
    !off.services.uecho-guard.enable
    && !off.systemd.paths.uecho-guard.enable
    && !off.systemd.services.uecho-guard.enable;
  "it is on in the appliance" = self.nixosConfigurations.appliance.config.services.uecho-guard.enable;
  "it is started at boot and after every switch, and a counted boot waits for it" =
    on.systemd.paths.uecho-guard.wantedBy == [ "paths.target" ]
    && services.uecho-guard.wantedBy == [ "multi-user.target" ]
    && services.uecho-guard.requiredBy == [ "boot-complete.target" ];
  "a boot that hangs is judged as well" =
    on.systemd.timers.uecho-guard-overdue.wantedBy == [ "timers.target" ]
    &&
      on.systemd.timers.uecho-guard-overdue.timerConfig == {
        OnBootSec = "10m";
        AccuracySec = "1s";
      }
    && lib.hasSuffix "--job-mode=ignore-dependencies start uecho-guard.service" overdue.ExecStart;
  "a switch does not wait for the guard, which waits for the switch" =
    on.systemd.targets.boot-complete.unitConfig.X-OnlyManualStart;
  "it finds nix-env and systemctl" =
    lib.all (tool: lib.elem tool services.uecho-guard.path) [
      on.nix.package
      on.systemd.package
    ]
    && lib.elem on.systemd.package services."uecho-guard-again@".path;
  "it knows where the boot loader is" = services.uecho-guard.environment.SYSTEMD_ESP_PATH == "/boot";

  "a switch calls it before anything changes" = lib.hasInfix ''${guard} preflight "$1"'' hooks.check;
  "the installation of a version arms it" = lib.hasInfix "${guard} arm ||" hooks.installed;
  "when it is disabled, the boot loader's default is reset" =
    lib.hasInfix ''set-default ""'' off.boot.loader.systemd-boot.extraInstallCommands;

  "the options become the settings" =
    (machine (with' {
      soak = "7s";
      onFailure = "report";
      maxReboots = 0;
      probe.url = "http://127.0.0.1:9";
      checks = [ page ];
    })).services.uecho-guard.settings == {
      soak = "7s";
      interval = "2s";
      grace = "15s";
      timeout = "5s";
      max_reboots = 0;
      max_attempts = 3;
      on_failure = "report";
      probe = true;
      url = "http://127.0.0.1:9";
      units = [ "uecho.service" ];
      checks = [ (page // { timeout = "10s"; }) ];
    };
}
