# Metrics of where the logs of this machine are, each minute, for the node exporter. That the unit has run is
# in the journal, too: so there is something to send each minute, also on a machine that has nothing to say.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  cfg = config.services.uecho-log-metrics;
  files =
    description:
    lib.mkOption {
      type = lib.types.attrsOf lib.types.path;
      default = { };
      internal = true;
      inherit description;
    };
  program = pkgs.writeShellApplication {
    name = "uecho-log-metrics";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.gnused
    ];
    text = lib.readFile ./log-metrics.sh;
  };
  each =
    option: files:
    lib.concatLists (
      lib.mapAttrsToList (name: file: [
        option
        "${name}=${file}"
      ]) files
    );
in
{
  options.services.uecho-log-metrics = {
    sent = files "Receiver of the journal to the file in which its uploader remembers how far it is.";
    archived = files "Step of the archive to the file that it touches when it is done.";
  };

  config = lib.mkIf (cfg.sent != { } || cfg.archived != { }) {
    systemd.services.uecho-log-metrics = {
      description = "Tell How Far the Logs Got";
      serviceConfig = import ./journal-hardening.nix // {
        Type = "oneshot";
        ExecStart = utils.escapeSystemdExecArgs (
          [
            (lib.getExe program)
            "--to"
            "/run/uecho-log-metrics/metrics.prom"
          ]
          ++ each "--sent" cfg.sent
          ++ each "--archived" cfg.archived
        );
        # With DynamicUser=, the file would be where the node exporter may not look. The files that it reads
        # belong to such users.
        DynamicUser = false;
        CapabilityBoundingSet = "CAP_DAC_READ_SEARCH";
        NoNewPrivileges = true;
        RuntimeDirectory = "uecho-log-metrics";
        # Read after the end.
        RuntimeDirectoryPreserve = true;
        MemoryMax = "32M";
        PrivateNetwork = true;
        PrivateTmp = true;
        ProtectSystem = "strict";
        SystemCallFilter = [ "@system-service" ];
        UMask = "0022";
      };
    };
    systemd.timers.uecho-log-metrics = {
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnBootSec = "1min";
        OnUnitInactiveSec = "1min";
        AccuracySec = "5s";
      };
    };
  };
}
