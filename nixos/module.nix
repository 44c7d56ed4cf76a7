# services.uecho: the units of the package, a configuration that is checked while the system is built, and a
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

  # TOML has no null: a key that is not set is left out, and the program uses its default.
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

  # The settings whose paths satisfy `passes`, as text, which changes exactly when one of them changes.
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
        # The program reads settings from the unit's environment, too, and must see nothing of the build's.
        checkEnvironment = lib.mapAttrsToList (name: value: "${name}=${toString value}") cfg.environment;
        __structuredAttrs = true;
      }
      (
        lib.optionalString (pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform) ''
          env --ignore-environment "''${checkEnvironment[@]}" \
            ${lib.getExe cfg.package} --config "$source" check-config
        ''
        + ''
          cp "$source" "$out"
        ''
      );

  isTcp = address: address != null && !lib.hasPrefix "unix:" address;
  port = address: lib.toInt (lib.last (lib.splitString ":" address));
  # The address as systemd writes it.
  stream = lib.removePrefix "unix:";

  # Where the service finds its configuration. The path is the same before and after a switch, so that a
  # reload reads the new file. It is not in /etc, because a sandbox that was made with the old /etc may not
  # see the new one; every sandbox of the service shares /run/uecho with the machine.
  link = "/run/uecho/uecho.toml";

  # The running system as the service sees it. A leaf has its own root directory, with nothing of /run but
  # /run/uecho: a copy of the machine's link is made there before each start and reload.
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
          Write it to a file on the machine and set the path of that file instead:
            services.uecho.credentials."api.token" = "/var/lib/secrets/uecho-api-token";
        '';
      }
      {
        assertion = cfg.leaf -> cfg.socketActivation;
        message = ''
          services.uecho.leaf: a leaf has no network, only the sockets that systemd passes to it.
          Set services.uecho.socketActivation = true, or leaf = false.
        '';
      }
      {
        assertion = cfg.leaf -> cfg.settings.fanout.peers == [ ] && cfg.settings.otlp.endpoint == null;
        message = ''
          services.uecho.leaf: a leaf cannot open connections, so settings.fanout.peers and
          settings.otlp.endpoint must be empty. Remove them, or set services.uecho.leaf = false.
        '';
      }
      {
        assertion = cfg.openFirewall -> isTcp cfg.settings.public.listen;
        message = ''
          services.uecho.openFirewall: settings.public.listen = "${cfg.settings.public.listen}" has no port.
          Listen on an address like "[::]:8080", or set openFirewall = false.
        '';
      }
    ]
    ++ lib.mapAttrsToList (name: path: {
      assertion = !inStore path && lib.hasPrefix "/" path;
      message = ''
        services.uecho.credentials."${name}" = ${toString path}: it has to be an absolute path outside of the
        Nix store, which everyone can read. Make a file on the machine and set its path as a string:
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
          # A changed unit is restarted, not stopped and started: the sockets stay open, and connections wait.
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

        # The receipt names the running system, so the service has to reload after every switch, even if none
        # of its settings changed; and a unit cannot contain the hash of the system that it is part of, which
        # would trigger a reload. But every switch, after its restarts, starts all active targets and waits
        # for them; timers.target is active from early in the boot on.
        uecho-switched = {
          description = "Tell uecho which system it is part of";
          wantedBy = [ "timers.target" ];
          # Only after a switch: every switch creates this file, and the next boot starts without it.
          unitConfig.ConditionPathExists = "/run/nixos/switch-to-configuration.lock";
          enableDefaultPath = false;
          serviceConfig = {
            Type = "oneshot";
            # `try`: a service that is down reads the link when it starts.
            ExecStart = lib.concatStringsSep " " [
              "-${lib.getExe' config.systemd.package "systemctl"}"
              "try-reload-or-restart"
              "uecho.service"
            ];
            MemoryMax = "64M";
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
