# A static web server that versions are published on with the flake's own program.
{ pkgs, ... }:
{
  environment.systemPackages = [ (pkgs.callPackage ../../../nixos/publish.nix { }) ];
  networking.firewall.allowedTCPPorts = [ 80 ];
  services.nginx = {
    enable = true;
    virtualHosts.server.root = "/srv/updates";
  };
  systemd.tmpfiles.settings.updates."/srv/updates".d.mode = "0755";
}
