# services.uecho-log-upload: the journal of this machine goes to the archive and to the store for search, each
# with a unit and a cursor of its own, so that an outage of one does not matter to the other.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.uecho-log-upload;
  dropIn = import ./unit-drop-in.nix { inherit pkgs; };
  # Without a port, systemd would take its own.
  url = lib.types.strMatching "https://[^/:]+:[0-9]+(/[^ ]*)?" // {
    description = "URL like https://HOST:PORT";
  };
  sink =
    description:
    lib.mkOption {
      type = lib.types.nullOr url;
      default = null;
      inherit description;
    };
  upload = unit: url: {
    URL = url;
    NetworkTimeoutSec = "15s";
    ServerKeyFile = "/run/credentials/${unit}.service/journal-upload.key";
    ServerCertificateFile = "/run/credentials/${unit}.service/journal-upload.cert";
    TrustedCertificateFile = "/run/credentials/${unit}.service/journal-upload.ca";
  };
  search = "systemd-journal-upload-search";
  # Options on the command line cannot replace what the file says, so each unit sees a file of its own.
  configuration = "/etc/systemd/journal-upload.conf";
  searchConfiguration = (pkgs.formats.systemd { }).generate "journal-upload-search.conf" {
    Upload = upload search cfg.search;
  };
in
{
  imports = [ ./log-metrics.nix ];

  options.services.uecho-log-upload = {
    archive = sink ''
      Where {option}`services.uecho-log-archive` is, for instance `https://archive:19533`. This machine needs
      the credentials `journal-upload.key`, `.cert` (its own) and `.ca` (the authority of the receiver), from
      its hypervisor or in {file}`/etc/credstore`.
    '';
    search = sink ''
      Where {option}`services.uecho-log-search` is, for instance `https://obs:9443/insert/journald`. The
      credentials are the same.
    '';
  };

  config = lib.mkMerge [
    (lib.mkIf (cfg.archive != null) {
      services = {
        journald.upload = {
          enable = true;
          settings.Upload = upload "systemd-journal-upload" cfg.archive;
        };
        uecho-log-metrics.sent.archive = "/var/lib/systemd/journal-upload/state";
      };
      systemd.packages = [ (dropIn "systemd-journal-upload.service" ../systemd/journal-upload.conf) ];
    })

    (lib.mkIf (cfg.search != null) {
      services.uecho-log-metrics.sent.search = "/var/lib/${search}/state";
      # Something to bind to, without an archive.
      environment.etc."systemd/journal-upload.conf" = lib.mkIf (cfg.archive == null) { text = ""; };
      systemd = {
        packages = [ (dropIn "${search}.service" ../systemd/journal-upload.conf) ];
        # What the unit of systemd says, with another receiver and another cursor.
        services.${search} = {
          description = "Journal Upload for Search";
          wantedBy = [ "multi-user.target" ];
          wants = [ "network-online.target" ];
          after = [ "network-online.target" ];
          serviceConfig = import ./journal-hardening.nix // {
            ExecStart = lib.concatStringsSep " " [
              "${config.systemd.package}/lib/systemd/systemd-journal-upload"
              "--save-state=/var/lib/${search}/state"
            ];
            BindReadOnlyPaths = [ "${searchConfiguration}:${configuration}" ];
            SupplementaryGroups = [ "systemd-journal" ];
            StateDirectory = search;
            WatchdogSec = "3min";
            LimitNOFILE = 524288;
          };
        };
      };
    })
  ];
}
