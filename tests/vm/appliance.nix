# The appliance: read-only but for its state, nothing listening but what was declared, nobody to log in.
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
