# The appliance: all but its state is read-only, only declared services listen, and nobody can log in.
{ lib, ... }:
{
  nodes = {
    machine.imports = [
      ./support/appliance.nix
      ../../nixos/vm-disk.nix
    ];
    client = { };
  };
  testScript = lib.readFile ./appliance.py;
}
