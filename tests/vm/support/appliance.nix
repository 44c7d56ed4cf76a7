# A node that is the appliance, as far as a test can see into one.
{ lib, ... }:
{
  imports = [
    ../../../nixos/appliance.nix
    ../../../nixos/generations.nix
  ];

  # The test framework takes this away from its nodes; the guard goes back with it.
  system.switch.enable = true;

  # The test framework lets everybody in as root.
  users.users.root.hashedPasswordFile = lib.mkForce null;
}
