# `nix run .#deploy`: the script, with the tools that it calls.
{
  coreutils,
  gnused,
  jq,
  nix,
  openssh,
  uecho,
  writeShellApplication,
}:
writeShellApplication {
  name = "uecho-deploy";
  runtimeInputs = [
    coreutils
    gnused
    jq
    nix
    openssh
    uecho
  ];
  text = builtins.readFile ./deploy.sh;
  meta.description = "Deploy the appliance over ssh, prove that it serves, or go back";
}
