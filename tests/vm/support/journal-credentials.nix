# What a machine needs to send journals (journal-upload) or to receive them (journal-receive), in /etc.
{ lib, pkgs }:
let
  certificates = pkgs.runCommand "journal-certificates" { nativeBuildInputs = [ pkgs.openssl ]; } ''
    bash ${../../scenarios/tools/journal-certificates.sh} "$out" archive lb n1 n2 n3 obs
  '';
in
name: prefix:
lib.mapAttrs'
  (
    kind: file: lib.nameValuePair "credstore/${prefix}.${kind}" { source = "${certificates}/${file}"; }
  )
  {
    key = "${name}.key";
    cert = "${name}.cert";
    ca = "ca.cert";
  }
