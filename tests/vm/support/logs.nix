# Machines of the scenario `logs`, by name: the archive, which sends its own journal, too, and others that
# send theirs.
name:
{ lib, pkgs, ... }:
let
  credentials = import ./journal-credentials.nix { inherit lib pkgs; } name;
in
{
  imports = [
    ../../../nixos/log-archive.nix
    ../../../nixos/log-upload.nix
  ];
  services = {
    uecho-log-upload.archive = "https://archive:19533";
    uecho-log-archive = lib.mkIf (name == "archive") {
      enable = true;
      openFirewall = true;
    };
    # Small files, so that many are full.
    journald.remote.settings.Remote.MaxFileSize = lib.mkIf (name == "archive") "1M";
    # Every request of the service, to see its fields arrive.
    uecho.settings.log.access = "all";
  };
  environment = {
    etc =
      credentials "journal-upload"
      // lib.optionalAttrs (name == "archive") (credentials "journal-receive");
    # Another certificate is made while the scenario runs.
    systemPackages = [ pkgs.openssl ];
  };
}
