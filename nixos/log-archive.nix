# services.uecho-log-archive: takes the journals of all machines, seals each full file into a chain of hashes
# and copies both to a bucket with Object Lock. log-archive.sh does the latter two.
{
  config,
  lib,
  options,
  pkgs,
  utils,
  ...
}:
let
  cfg = config.services.uecho-log-archive;
  local = "127.0.0.1:${toString config.services.journald.remote.port}";
  # Absent with the TLS of systemd, and then a removed option has its name, but no default.
  choosesProtocol = options ? services.journald.remote.listen.default;

  archive = pkgs.writeShellApplication {
    name = "uecho-log-archive";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.curl
      pkgs.diffutils
      pkgs.gnused
      pkgs.jq
      pkgs.util-linux
    ];
    text = lib.readFile ./log-archive.sh;
  };
  chain = "/var/lib/uecho-log-archive";
  # One command of the archive on this machine's files.
  call =
    command: options':
    utils.escapeSystemdExecArgs (
      [
        (lib.getExe archive)
        command
        "--logs"
        config.services.journald.remote.output
        "--chain"
        chain
      ]
      ++ options'
    );
in
{
  imports = [
    ./log-metrics.nix
    (import ./journal-receiver.nix {
      name = "uecho-log-archive";
      port = 19533;
      path = "/upload";
      receiver = "http://${local}";
    })
  ];

  options.services.uecho-log-archive = {
    enable = lib.mkEnableOption "the archive of the journals of all machines";
    bucket = {
      url = lib.mkOption {
        type = lib.types.nullOr (lib.types.strMatching "https://[^/ ]+/[^ ]+");
        default = null;
        example = "https://s3.eu-central-1.amazonaws.com/example-logs";
        description = ''
          Bucket with Object Lock, and optionally a prefix. The machine needs the credential
          `log-archive.curl`, a configuration of curl: `user = "ACCESS-KEY:SECRET-KEY"`. The key needs
          `s3:PutObject` and `s3:PutObjectRetention` and nothing else. Without a bucket, files are sealed and
          stay here.
        '';
      };
      region = lib.mkOption {
        type = lib.types.strMatching "[a-z0-9-]+";
        default = "us-east-1";
        description = "Region of the bucket.";
      };
      days = lib.mkOption {
        type = lib.types.ints.between 1 99999;
        default = 400;
        description = "How long the bucket keeps a file, whatever anybody says (compliance mode).";
      };
    };
  };

  config = lib.mkIf cfg.enable {
    services = {
      journald.remote = {
        enable = true;
        settings.Remote = {
          # What is not full yet is not sealed yet.
          MaxFileSize = lib.mkDefault "16M";
          MaxFiles = lib.mkDefault 1000;
          MaxUse = lib.mkDefault "8G";
        };
      }
      // lib.optionalAttrs choosesProtocol { listen = "http"; };
      uecho-log-metrics.archived = {
        seal = "${chain}/.sealed";
      }
      // lib.optionalAttrs (cfg.bucket.url != null) { upload = "${chain}/.uploaded"; };
    };

    systemd = {
      packages = [
        (import ./unit-drop-in.nix {
          inherit pkgs;
        } "systemd-journal-remote.service" ../systemd/journal-remote.conf)
      ];
      # Only nginx asks it.
      sockets.systemd-journal-remote.listenStreams = lib.mkForce [
        ""
        local
      ];
      services = {
        uecho-log-archive = {
          description = "Seal Journal Files and Copy Them to the Bucket";
          wants = lib.optional (cfg.bucket.url != null) "network-online.target";
          after = lib.optional (cfg.bucket.url != null) "network-online.target";
          startAt = "hourly";
          serviceConfig = import ./journal-hardening.nix // {
            Type = "oneshot";
            ExecStart = [
              (call "seal" [ ])
            ]
            ++ lib.optional (cfg.bucket.url != null) (
              call "upload" [
                "--bucket"
                cfg.bucket.url
                "--region"
                cfg.bucket.region
                "--days"
                cfg.bucket.days
                "--curl"
                "/run/credentials/uecho-log-archive.service/log-archive.curl"
              ]
            );
            ImportCredential = "log-archive.curl";
            MemoryMax = "128M";
            # Reads the files of the receiver, and writes nothing but the chain.
            SupplementaryGroups = [ "systemd-journal-remote" ];
            StateDirectory = "uecho-log-archive";
            CapabilityBoundingSet = "";
            PrivateNetwork = cfg.bucket.url == null;
            ProtectClock = true;
            SystemCallFilter = [ "@system-service" ];
          };
        };
      };
      timers.uecho-log-archive.timerConfig = {
        Persistent = true;
        RandomizedDelaySec = "5min";
      };
    };

    environment.systemPackages = [ archive ];
  };
}
