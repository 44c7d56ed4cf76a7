# Options of services.uecho-guard. All of them are written to the guard's settings; their defaults are those
# of the program.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkEnableOption mkOption types;
  service = config.services.uecho;
  served = service.enable or false;
  duration = (import ./duration.nix { inherit lib; }).type;

  span =
    default: description:
    mkOption {
      type = duration;
      inherit default description;
    };

  check = types.submodule {
    options = {
      name = mkOption {
        type = types.singleLineStr;
        example = "page";
        description = "Name of the check in reasons.";
      };
      command = mkOption {
        type = types.nonEmptyListOf types.str;
        example = lib.literalExpression ''
          [ (lib.getExe pkgs.curl) "--fail" "--silent" "http://127.0.0.1/" ]
        '';
        description = ''
          Program and arguments, run without a shell; it exits with 0 when all is well. It runs in the
          sandbox of the guard's unit: as root, with a read-only file system, and with no network but this
          machine's.
        '';
      };
      timeout = span "10s" "How long it may take; after that it has failed.";
    };
  };
in
{
  imports = [ ./package-option.nix ];

  options.services.uecho-guard = {
    enable = mkEnableOption "uecho-guard, which rolls back a version of the system that does not serve";

    package = mkOption {
      type = types.package;
      default = service.package;
      defaultText = lib.literalExpression "config.services.uecho.package";
      description = "The package that the guard and its units come from.";
    };

    soak = span "30s" "How long a version must stay healthy to be blessed.";
    interval = span "2s" "Pause between two rounds of checks.";
    grace = span "15s" "How long a version may take to become healthy after its switch or boot is done.";

    bootTimeout = span "10m" ''
      How long a boot may take. The guard judges the version when the boot is done, or after this time,
      however many services still wait for one that hangs.
    '';

    maxReboots = mkOption {
      type = types.ints.unsigned;
      default = 3;
      description = "Reboots in a row by the guard. After that many, it does not reboot again, and says so.";
    };

    maxAttempts = mkOption {
      type = types.ints.positive;
      default = 3;
      description = "How many boots in a row may end without a verdict; after that many, the version is bad.";
    };

    onFailure = mkOption {
      type = types.enum [
        "rollback"
        "report"
      ];
      default = "rollback";
      description = ''
        What a bad verdict leads to: `rollback` quarantines the version and goes back to the last one that
        was proven good; `report` only says so (journal, metrics, {command}`uecho-guard status`).
      '';
    };

    probe = {
      enable = mkOption {
        type = types.bool;
        default = served;
        defaultText = lib.literalExpression "config.services.uecho.enable or false";
        description = ''
          Whether {command}`uecho probe` is the first check: an echo through the public listener, with the
          receipt of this very version.
        '';
      };
      url = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "http://127.0.0.1:8080";
        description = ''
          Where the probe asks. By default it asks {file}`/run/uecho/public.sock`, or, without that socket
          ({option}`services.uecho.socketActivation` = false), http://127.0.0.1:8080. Set it if the service
          listens elsewhere.
        '';
      };
      timeout = span "5s" "How long one probe may take.";
    };

    units = mkOption {
      type = types.listOf types.str;
      default = lib.optional served "uecho.service";
      defaultText = lib.literalExpression ''
        lib.optional (config.services.uecho.enable or false) "uecho.service"
      '';
      example = [ "nginx.service" ];
      description = ''
        Units that must be active, as the version on trial defines them, and must not restart meanwhile.
      '';
    };

    checks = mkOption {
      type = types.listOf check;
      default = [ ];
      example = lib.literalExpression ''
        [
          {
            name = "page";
            command = [ (lib.getExe pkgs.curl) "--fail" "--silent" "http://127.0.0.1/" ];
            timeout = "2s";
          }
        ]
      '';
      description = "Further health commands, each with its own timeout, run in this order after the probe.";
    };

    backend = mkOption {
      type = types.enum [
        "generations"
        "slots"
      ];
      default = "generations";
      description = ''
        What versions of the system are: `generations` of NixOS, or images in two `slots` of the disk
        (the module `sealed` sets it).
      '';
    };

    slots = {
      boot = mkOption {
        type = types.str;
        default = "/boot";
        description = "Where the boot partition is mounted, with the boot images in {file}`EFI/Linux`.";
      };
      afterUpdate = mkOption {
        type = types.enum [
          "reboot"
          "wait"
        ];
        default = "reboot";
        description = "What follows an update that is installed: a reboot into it at once, or nothing.";
      };
      sysupdate = mkOption {
        type = types.str;
        internal = true;
        description = "The program systemd-sysupdate.";
      };
    };

    tools = mkOption {
      type = types.listOf types.package;
      default = [ ];
      internal = true;
      description = "Programs that the guard calls.";
    };

    settings = mkOption {
      type = types.attrs;
      internal = true;
      readOnly = true;
      description = "The guard's settings, as they are written to its file.";
    };
  };
}
