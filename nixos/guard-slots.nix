# The guard where versions are images in two slots: the programs that install one and look into a slot, and no
# switch that could call it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.uecho-guard;
in
{
  config = lib.mkIf (cfg.enable && cfg.backend == "slots") {
    services.uecho-guard = {
      # systemctl, bootctl; sfdisk; veritysetup; the program that verifies what is downloaded.
      tools = [
        config.systemd.package
        pkgs.util-linux
        pkgs.cryptsetup
        pkgs.gnupgMinimal
      ];
      # In no folder that a PATH has.
      slots.sysupdate = "${config.systemd.package}/lib/systemd/systemd-sysupdate";
    };

    # For a human who calls the guard.
    environment.systemPackages = cfg.tools;

    systemd = {
      # Nothing switches here.
      paths.uecho-guard.enable = false;
      services.uecho-guard.environment.SYSTEMD_ESP_PATH = cfg.slots.boot;
    };
  };
}
