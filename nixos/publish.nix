# `nix run .#publish`: the script with the tools that it calls.
{
  coreutils,
  gnugrep,
  gnupg,
  gnused,
  sbsigntool,
  systemd,
  util-linux,
  writeShellApplication,
}:
writeShellApplication {
  name = "uecho-publish";
  runtimeInputs = [
    coreutils
    gnugrep
    gnupg
    gnused
    sbsigntool
    systemd
    util-linux
  ];
  text = builtins.readFile ./publish.sh;
  meta.description = "Publish a version of the sealed appliance in the folder of a web server, signed";
}
