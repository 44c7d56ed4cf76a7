# Versions that do not serve, each with another fault.
{ lib, pkgs }:
{
  # Ends right after each start.
  exit.systemd.services.uecho.serviceConfig.ExecStart = [
    ""
    (lib.getExe' pkgs.coreutils "false")
  ];
  # Serves, but its receipt names another version.
  receipt.services.uecho.settings.system = lib.mkForce "another";
  # Serves, but is never ready.
  unready.services.uecho.settings.fanout = {
    peers = [ "http://127.0.0.1:9" ];
    ready_policy = "all";
  };
  # Is healthy at first, and ends during the soak.
  dies.systemd.services.uecho.serviceConfig.RuntimeMaxSec = "4s";
}
