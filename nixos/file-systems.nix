# The file systems of the appliance but the boot partition. Root is a tmpfs, emptied at every boot; all that
# persists is on one file system, whose label is that of nixpkgs' image builders, and is bound to its places
# from there.
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
