# Settings of a machine that nobody logs in to: its hypervisor has them, one system credential for each key
# (uecho.SECTION.KEY), and they win over those of the image. The program checks them as it does all others.
{ lib, options, ... }:
let
  keys =
    path: option:
    if lib.isOption option then
      [ (lib.concatStringsSep "." path) ]
    else
      lib.concatLists (
        lib.mapAttrsToList (name: keys (path ++ [ name ])) (
          removeAttrs option [
            "_freeformOptions"
            "_module"
          ]
        )
      );
  # What the machine is, says its version; where it listens, the sockets of systemd.
  given = lib.subtractLists [
    "current_system"
    "ops.listen"
    "public.listen"
    "system"
  ] (keys [ ] (options.services.uecho.settings.type.getSubOptions [ ]));
in
{
  # Secrets are in the unit already.
  systemd.services.uecho.serviceConfig.ImportCredential = map (key: "uecho.${key}:${key}") given;
}
