# How the next version comes to a sealed machine: transfers of the package, from where this machine's server
# is, signed with a key that this image knows, by the guard's update, once a day in a window of time.
{
  config,
  lib,
  ...
}:
let
  cfg = config.appliance.update;
  guard = config.services.uecho-guard;
  inherit (guard) package;
  transfers = [
    "10-verity"
    "20-store"
    "90-uki"
  ];
  dropIn = name: settings: {
    name = "sysupdate.d/${name}.transfer.d/appliance.conf";
    value.text = lib.generators.toINI { } settings;
  };
in
{
  options.appliance.update = {
    url = lib.mkOption {
      type = lib.types.nullOr (lib.types.strMatching "https?://.+");
      default = null;
      example = "https://updates.example.org/uecho";
      description = "Folder of a web server with published versions. Without it nothing is downloaded.";
    };
    keyring = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      example = lib.literalExpression "./update-keys.gpg";
      description = ''
        OpenPGP public keys, as {command}`gpg --export` writes them. What any of them has signed is installed,
        after its date of expiry, too: a key that is no longer to be trusted has to be
        missing in the next version.
      '';
    };
    calendar = lib.mkOption {
      type = lib.types.str;
      default = "*-*-* 03:00:00";
      example = "Sun *-*-* 04:00:00";
      description = ''
        When the machine looks for a new version, installs it and starts it (systemd.time(7)): the begin of
        its maintenance window.
      '';
    };
    randomizedDelay = lib.mkOption {
      type = lib.types.str;
      default = "1h";
      description = "How long the window is: not all machines at once.";
    };
  };

  config = {
    assertions = [
      {
        assertion = cfg.url != null -> cfg.keyring != null;
        message = ''
          appliance.update.url = "${toString cfg.url}" is set, but appliance.update.keyring is not:
          every update would be refused. Set it to the public keys that sign updates:
          gpg --export KEY >update-keys.gpg
        '';
      }
      {
        assertion = cfg.url != null -> guard.enable;
        message = ''
          appliance.update.url is set, but services.uecho-guard.enable = false, and nothing else
          installs an update. Switch the guard on, or leave the URL out.
        '';
      }
      {
        assertion = cfg.url != null -> config.systemd.package.withSysupdate;
        message = ''
          appliance.update.url is set, but systemd.package is built without systemd-sysupdate.
          Take one that has it (withSysupdate = true).
        '';
      }
    ];

    environment.etc = lib.mkIf (cfg.url != null) (
      lib.listToAttrs (
        map (name: {
          name = "sysupdate.d/${name}.transfer";
          value.source = "${package}/share/uecho/sysupdate.d/${name}.transfer";
        }) transfers
        ++ map (
          name:
          dropIn name (
            {
              Source.Path = cfg.url;
            }
            // lib.optionalAttrs (name == "90-uki") { Target.TriesLeft = guard.maxAttempts; }
          )
        ) transfers
      )
      # The name that systemd 260 reads, and the one that follows it.
      // lib.genAttrs [ "systemd/import-pubring.gpg" "systemd/import-pubring.pgp" ] (_: {
        source = cfg.keyring;
      })
    );

    systemd =
      if cfg.url == null then
        {
          services.uecho-update.enable = false;
          timers.uecho-update.enable = false;
        }
      else
        {
          services.uecho-update = {
            enableDefaultPath = false;
            path = guard.tools;
            environment.SYSTEMD_ESP_PATH = guard.slots.boot;
          };
          timers.uecho-update = {
            wantedBy = [ "timers.target" ];
            timerConfig = {
              OnCalendar = [
                ""
                cfg.calendar
              ];
              RandomizedDelaySec = cfg.randomizedDelay;
            };
          };
        };
  };
}
