# services.uecho: the units of the package, a configuration that was checked while the system was built, and a
# switch that loses no request.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.uecho;
  format = pkgs.formats.toml { };

  # TOML has no null: what is not set is left to the program's defaults.
  withoutNull = lib.filterAttrsRecursive (_: value: value != null);
  settings = withoutNull cfg.settings;

  # The program re-reads these on SIGHUP; everything else needs a restart.
  reloadable = [
    [ "current_system" ]
    [ "message" ]
    [ "system" ]
    [
      "fanout"
      "peers"
    ]
    [
      "log"
      "filter"
    ]
  ];
  isReloadable = path: lib.elem path reloadable;

  # The settings whose paths pass, as text; it changes exactly when one of them does.
  trigger =
    passes:
    builtins.toJSON (
      lib.filter (setting: passes setting.path) (
        lib.mapAttrsToListRecursive (path: value: { inherit path value; }) settings
      )
    );

  configuration =
    pkgs.runCommand "uecho.toml"
      {
        source = format.generate "uecho.toml" settings;
        # The environment of the unit is part of the configuration; nothing else of the build's environment
        # is.
        checkEnvironment = lib.mapAttrsToList (name: value: "${name}=${toString value}") cfg.environment;
        __structuredAttrs = true;
      }
      (
        lib.optionalString (pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform) ''
          env --ignore-environment "''${checkEnvironment[@]}" ${lib.getExe cfg.package} --config "$source" check-config
        ''
        + ''
          cp "$source" "$out"
        ''
      );

  isTcp = address: address != null && !lib.hasPrefix "unix:" address;
  port = address: lib.toInt (lib.last (lib.splitString ":" address));
  # What systemd calls the address.
  stream = lib.removePrefix "unix:";

  # Where the service finds its configuration: the same path before and after a switch, so that a reload reads
  # the new one, in a folder that every sandbox of the service shares with the machine (one made under the old
  # /etc may not see the new).
  link = "/run/uecho/uecho.toml";

  # The running system as the service sees it. A leaf has a root of its own, with nothing of /run but the
  # folder of the link above: there, a copy of the machine's link is made before each start and reload.
  currentSystem = if cfg.leaf then "/run/uecho/current-system" else "/run/current-system";
  afterLink = lib.optionalAttrs cfg.leaf {
    wants = [ "uecho-current-system.service" ];
    after = [ "uecho-current-system.service" ];
  };

  inStore = path: lib.isPath path || lib.hasPrefix "${builtins.storeDir}/" path;
in
{
  imports = [
    ./guard.nix
    ./options.nix
  ];

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.settings.api.token or null == null && cfg.settings.fanout.token or null == null;
        message = ''
          services.uecho.settings: a token in the settings ends up in the world-readable Nix store.
          Write it to a file on the machine and name that: services.uecho.credentials."api.token" = "/var/lib/secrets/uecho-api-token";
        '';
      }
      {
        assertion = cfg.leaf -> cfg.socketActivation;
        message = ''
          services.uecho.leaf: a leaf has no network of its own, only the sockets that systemd hands it.
          Set services.uecho.socketActivation = true, or leaf = false.
        '';
      }
      {
        assertion = cfg.leaf -> cfg.settings.fanout.peers == [ ] && cfg.settings.otlp.endpoint == null;
        message = ''
          services.uecho.leaf: a leaf cannot open connections, so settings.fanout.peers and settings.otlp.endpoint must be empty.
          Remove them, or set services.uecho.leaf = false.
        '';
      }
      {
        assertion = cfg.openFirewall -> isTcp cfg.settings.public.listen;
        message = ''
          services.uecho.openFirewall: settings.public.listen is ${cfg.settings.public.listen}, which has no port.
          Listen on an address like "[::]:8080", or set openFirewall = false.
        '';
      }
    ]
    ++ lib.mapAttrsToList (name: path: {
      assertion = !inStore path && lib.hasPrefix "/" path;
      message = ''
        services.uecho.credentials."${name}" = ${toString path}: everyone can read the Nix store, so a secret must not be in it.
        Make a file on the machine and name it as a string:
          install -m 600 /dev/stdin /var/lib/secrets/uecho-${name} <<<"$(openssl rand -hex 32)"
          services.uecho.credentials."${name}" = "/var/lib/secrets/uecho-${name}";
      '';
    }) cfg.credentials;

    environment = {
      etc."uecho/uecho.toml".source = configuration;
      systemPackages = [ cfg.package ];
    };

    networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall [
      (port cfg.settings.public.listen)
    ];

    services.uecho.settings = {
      system = lib.mkDefault config.system.nixos.label;
      current_system = lib.mkDefault currentSystem;
    };

    systemd = {
      packages = [
        cfg.package
      ]
      ++ lib.optional cfg.leaf (
        pkgs.runCommand "uecho-leaf" { } ''
          install -Dm444 ${cfg.package}/share/uecho/leaf.conf -t "$out/lib/systemd/system/uecho.service.d"
        ''
      );

      tmpfiles.settings.uecho = {
        "/run/uecho".d.mode = "0755";
        ${link}."L+".argument = "${configuration}";
      };

      services = {
        uecho = {
          wantedBy = [ "multi-user.target" ];
          enableDefaultPath = false;
          # A changed unit is restarted in place: the sockets stay open meanwhile and hold what arrives.
          stopIfChanged = false;
          restartTriggers = [ (trigger (path: !isReloadable path)) ];
          reloadTriggers = [ (trigger isReloadable) ];
          environment = cfg.environment // {
            UECHO_CONFIG = link;
          };
          serviceConfig.LoadCredential = lib.mapAttrsToList (name: path: "${name}:${path}") cfg.credentials;
        }
        // afterLink;

        uecho-current-system = lib.mkIf cfg.leaf {
          description = "Copy the link to the running system for uecho";
          unitConfig.StartLimitIntervalSec = 0;
          enableDefaultPath = false;
          serviceConfig = {
            Type = "oneshot";
            ExecStart = lib.concatStringsSep " " [
              (lib.getExe' pkgs.coreutils "cp")
              "--no-dereference"
              "--no-target-directory"
              "--remove-destination"
              "/run/current-system"
              currentSystem
            ];
          };
        };

        # A switch that changes nothing of the service makes it part of another system all the same, and no
        # unit can have the hash of the system that it is part of. But every switch starts the targets that
        # are active, once it has restarted what it restarts, and waits for them. Timers are active however
        # far a boot has come.
        uecho-switched = {
          description = "Tell uecho which system it is part of";
          wantedBy = [ "timers.target" ];
          # Every switch locks it, and it is gone at the next boot.
          unitConfig.ConditionPathExists = "/run/nixos/switch-to-configuration.lock";
          enableDefaultPath = false;
          serviceConfig = {
            Type = "oneshot";
            # A service that is down reads the link when it starts.
            ExecStart = "-${lib.getExe' config.systemd.package "systemctl"} try-reload-or-restart uecho.service";
          };
        }
        // afterLink;
      };

      sockets = {
        uecho =
          if cfg.socketActivation then
            {
              wantedBy = [ "sockets.target" ];
              socketConfig.ListenStream = [
                ""
                (stream cfg.settings.public.listen)
                "/run/uecho/public.sock"
              ];
            }
          else
            { enable = false; };
        uecho-ops =
          if cfg.socketActivation then
            {
              wantedBy = [ "sockets.target" ];
              socketConfig.ListenStream = [
                ""
                (stream cfg.settings.ops.listen)
              ];
            }
          else
            { enable = false; };
      };
    };
  };
}
