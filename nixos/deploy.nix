# `nix run .#deploy`: the program, with the tools that it calls.
{
  lib,
  nix,
  openssh,
  uecho,
  writeShellApplication,
}:
writeShellApplication {
  name = "uecho-deploy";
  runtimeInputs = [
    nix
    openssh
  ];
  text = ''exec ${lib.getExe' uecho "uecho-deploy"} "$@"'';
  meta.description = "Deploy the appliance over ssh, prove that it serves, or go back";
}
