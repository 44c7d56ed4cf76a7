# The guard without uecho: it protects nginx, which a command checks.
{ lib, pkgs, ... }:
{
  nodes.machine = {
    imports = [ ./support/guard.nix ];
    boot.loader.grub.enable = false;

    services = {
      uecho.enable = lib.mkForce false;
      uecho-guard = {
        checks = [
          {
            name = "page";
            command = [
              (lib.getExe pkgs.curl)
              "--fail"
              "--silent"
              "--show-error"
              "http://127.0.0.1/"
            ];
            timeout = "5s";
          }
        ];
        units = [ "nginx.service" ];
      };
      nginx = {
        enable = true;
        virtualHosts.localhost.locations."/".return = lib.mkDefault "200 v1";
      };
    };
    test.versions = {
      v2.services.nginx.virtualHosts.localhost.locations."/".return = "200 v2";
      bad.services.nginx.virtualHosts.localhost.locations."/".return = "503";
    };
  };

  testScript =
    { nodes, ... }:
    let
      inherit (nodes.machine.system.build) toplevel versions;
    in
    ''
      V1 = "${toplevel}"
      V2 = "${versions.v2}"
      BAD = "${versions.bad}"
    ''
    + lib.readFile ./support/guard.py
    + lib.readFile ./guard-other.py;
}
