# Reference of the options, as CommonMark.
{
  lib,
  modules,
  nixosOptionsDoc,
  pkgs,
}:
let
  evaluated = lib.evalModules {
    modules = [
      modules.appliance
      {
        _module = {
          args = { inherit pkgs; };
          # Only the options of this flake are documented; those of NixOS are not even there.
          check = false;
        };
      }
    ];
    specialArgs.modulesPath = toString (pkgs.path + "/nixos/modules");
  };
  ours = {
    inherit (evaluated.options) appliance;
    services = { inherit (evaluated.options.services) uecho uecho-guard; };
  };
in
(nixosOptionsDoc {
  options = ours;
  # Names of files in this repository, not in the store.
  transformOptions =
    option:
    option
    // {
      declarations = map (file: lib.removePrefix "${toString ../.}/" (toString file)) option.declarations;
    };
}).optionsCommonMark
