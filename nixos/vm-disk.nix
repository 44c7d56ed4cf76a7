# Where a QEMU machine finds the file systems of the appliance: /nix/store is the host's, the state is the
# machine's disk. For `nix run`, and for tests that need no boot loader.
{ lib, ... }:
{
  virtualisation.fileSystems = lib.mapAttrs (_: lib.mkForce) (
    removeAttrs (import ./file-systems.nix) [ "/nix" ]
  );
}
