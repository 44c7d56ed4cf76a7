# Machines of the scenario `logs`, by name: the archive, and a node that sends its journal there.
name:
{ lib, pkgs, ... }:
let
  certificates = pkgs.runCommand "journal-certificates" { nativeBuildInputs = [ pkgs.openssl ]; } ''
    bash ${../../scenarios/tools/journal-certificates.sh} "$out" archive n1
  '';
  credentials =
    prefix:
    lib.mapAttrs'
      (
        kind: file: lib.nameValuePair "credstore/${prefix}.${kind}" { source = "${certificates}/${file}"; }
      )
      {
        key = "${name}.key";
        cert = "${name}.cert";
        ca = "ca.cert";
      };
in
if name == "archive" then
  {
    imports = [ ../../../nixos/log-archive.nix ];
    services = {
      uecho-log-archive = {
        enable = true;
        openFirewall = true;
      };
      # Small files, so that many are full.
      journald.remote.settings.Remote.MaxFileSize = "1M";
    };
    environment.etc = credentials "journal-receive";
  }
else
  {
    imports = [ ../../../nixos/log-upload.nix ];
    services.uecho-log-upload.archive = "https://archive:19533";
    # Every request of the service, to see its fields arrive.
    services.uecho.settings.log.access = "all";
    environment.etc = credentials "journal-upload";
  }
