# A package for systemd.packages: the file as a drop-in of the unit. Its name comes after that of the drop-in
# with which NixOS changes units of systemd (overrides.conf), so it wins.
{ pkgs }:
unit: file:
pkgs.runCommand "${unit}-drop-in" { } ''
  install -Dm444 ${file} "$out/lib/systemd/system/${unit}.d/uecho.conf"
''
