# File systems of the appliance in a QEMU machine: /nix/store is that of the host, the state is on the
# machine's disk. `nix run` uses it, and the tests that need no boot loader.
{ lib, ... }:
{
  virtualisation.fileSystems = lib.mapAttrs (_: lib.mkForce) (
    removeAttrs (import ./file-systems.nix) [ "/nix" ]
  );
}
