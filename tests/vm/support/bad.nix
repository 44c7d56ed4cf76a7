# Ways to be bad.
{ lib, pkgs }:
{
  # Ends right after it was started, over and over.
  exit.systemd.services.uecho.serviceConfig.ExecStart = [
    ""
    (lib.getExe' pkgs.coreutils "false")
  ];
  # Serves, but says that it is another one.
  receipt.services.uecho.settings.system = lib.mkForce "another";
  # Serves, but is never ready.
  unready.services.uecho.settings.fanout = {
    peers = [ "http://127.0.0.1:9" ];
    ready_policy = "all";
  };
  # Is healthy, and ends within the soak.
  dies.systemd.services.uecho.serviceConfig.RuntimeMaxSec = "4s";
}
