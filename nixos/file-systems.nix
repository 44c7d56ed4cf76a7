# The file systems of the appliance, except the boot partition. The root is a tmpfs, so it is empty after
# every boot. All that persists is on one file system, which has the label that nixpkgs' image builders set;
# its folders are bind-mounted to their places.
let
  state = "/persist";
  kept = path: {
    device = "${state}${path}";
    fsType = "none";
    options = [
      "bind"
      "nodev"
      "nosuid"
    ];
    depends = [ state ];
    neededForBoot = true;
  };
in
{
  "/" = {
    device = "tmpfs";
    fsType = "tmpfs";
    options = [
      "mode=0755"
      "nodev"
      "nosuid"
      "size=25%"
    ];
  };
  ${state} = {
    device = "/dev/disk/by-label/nixos";
    fsType = "ext4";
    options = [
      "noatime"
      "nodev"
      "nosuid"
    ];
    autoResize = true;
    neededForBoot = true;
  };
  "/nix" = kept "/nix";
  "/var/lib" = kept "/var/lib";
  "/var/log" = kept "/var/log";
}
