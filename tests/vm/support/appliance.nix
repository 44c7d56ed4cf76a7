# A node that is the appliance, with a shell for the test driver.
{ lib, ... }:
{
  imports = [
    ../../../nixos/appliance.nix
    ../../../nixos/generations.nix
  ];

  # The test framework disables this for its nodes, but the guard needs it for a rollback.
  system.switch.enable = true;

  # The test framework enables logins as root without a password.
  users.users.root.hashedPasswordFile = lib.mkForce null;
}
