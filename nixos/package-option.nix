# The package with all programs: the option that the service and the guard share.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
in
{
  options.services.uecho = {
    package = mkOption {
      type = types.package;
      default =
        pkgs.uecho or (pkgs.callPackage ./package.nix { inherit (config.services.uecho) revision; });
      defaultText = lib.literalMD "`pkgs.uecho`, or the package of the flake that the module comes from";
      description = "The package that the programs and their units come from.";
    };
    revision = mkOption {
      type = types.str;
      default = "unknown";
      internal = true;
      description = "Revision of the flake that the module comes from.";
    };
    date = mkOption {
      type = types.str;
      default = "unknown";
      internal = true;
      description = "When that revision was made, in digits that grow: it orders versions of the appliance.";
    };
  };
}
