# services.uecho-pull: the machine follows signed releases. The unit is the package's; whether a release stays
# is the guard's verdict.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkEnableOption mkOption types;
  cfg = config.services.uecho-pull;
  guard = config.services.uecho-guard;

  configuration =
    pkgs.runCommand "uecho-pull.toml"
      {
        source = (pkgs.formats.toml { }).generate "uecho-pull.toml" (
          {
            inherit (cfg)
              environment
              machine
              url
              wave
              window
              ;
            allowed_signers = "/etc/uecho/allowed_signers";
          }
          // lib.optionalAttrs (cfg.mayDrain != null) { may_drain = cfg.mayDrain; }
        );
      }
      (
        lib.optionalString (pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform) ''
          ${lib.getExe' guard.package "uecho-pull"} --config "$source" check-config
        ''
        + ''
          cp "$source" "$out"
        ''
      );
in
{
  imports = [ ./guard.nix ];

  options.services.uecho-pull = {
    enable = mkEnableOption "following signed releases";

    url = mkOption {
      type = types.strMatching "https?://.+";
      example = "https://releases.example/prod/all.json";
      description = ''
        The manifest of the release. Its signature has the same URL with {file}`.sig` at its end.
      '';
    };

    environment = mkOption {
      type = types.nonEmptyStr;
      example = "prod";
      description = "Releases for another environment are refused.";
    };

    wave = mkOption {
      type = types.nonEmptyStr;
      example = "canary";
      description = "Releases for another wave are refused.";
    };

    machine = mkOption {
      type = types.nonEmptyStr;
      default = config.networking.hostName;
      defaultText = lib.literalExpression "config.networking.hostName";
      description = "Name of this machine in releases. Machines that are all the same may share one.";
    };

    signers = mkOption {
      type = types.listOf (types.strMatching "(sk-)?(ssh|ecdsa)-[^ ]+ [^ ]+.*");
      example = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI... release-2026" ];
      description = "Public keys that may sign releases. Two of them while one takes the place of the other.";
    };

    cache = {
      url = mkOption {
        type = types.nonEmptyStr;
        example = "https://cache.example";
        description = "Binary cache with the systems.";
      };
      publicKeys = mkOption {
        type = types.listOf types.nonEmptyStr;
        example = [ "cache.example-1:..." ];
        description = "Keys that sign what is in it; nix refuses everything else.";
      };
    };

    window = mkOption {
      type = types.strMatching "[0-9]+(s|m|h)";
      default = "0s";
      example = "10m";
      description = "Time over which the machines of a wave are spread, each at its own moment.";
    };

    mayDrain = mkOption {
      type = types.nullOr (types.strMatching "https?://.+");
      default = null;
      example = "http://balancer.example:8404/may-drain";
      description = ''
        Where a load balancer tells with status 200 that all nodes serve, so that one of them may go away.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = guard.enable;
        message = ''
          services.uecho-pull: nobody would judge what it switches to. Set services.uecho-guard.enable = true;
        '';
      }
      {
        assertion = cfg.signers != [ ] && cfg.cache.publicKeys != [ ];
        message = ''
          services.uecho-pull.signers and cache.publicKeys: without a key in each, nothing could be followed.
        '';
      }
    ];

    environment.etc = {
      "uecho/pull.toml".source = configuration;
      "uecho/allowed_signers".text = lib.concatMapStrings (
        key: "release namespaces=\"uecho-release\" ${key}\n"
      ) cfg.signers;
    };

    nix.settings = {
      substituters = [ cfg.cache.url ];
      trusted-public-keys = cfg.cache.publicKeys;
    };

    systemd = {
      packages = [ guard.package ];
      timers.uecho-pull.wantedBy = [ "timers.target" ];
      services.uecho-pull = {
        path = [
          config.nix.package
          config.systemd.package
          guard.package
          pkgs.openssh
        ];
        # The daemon has the rights that the unit gives up.
        environment.NIX_REMOTE = "daemon";
        restartIfChanged = false;
      };
    };
  };
}
