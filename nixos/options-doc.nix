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
      modules.load-balancer
      modules.log-archive
      modules.log-search
      modules.log-upload
      modules.observability
      modules.pull
      modules.sealed
      modules.trace-store
      {
        _module = {
          args = { inherit pkgs; };
          # Only the options of this flake are declared here; definitions of NixOS options are ignored.
          check = false;
        };
      }
    ];
    specialArgs.modulesPath = toString (pkgs.path + "/nixos/modules");
  };
  ours = {
    inherit (evaluated.options) appliance;
    services = {
      inherit (evaluated.options.services)
        uecho
        uecho-guard
        uecho-load-balancer
        uecho-log-archive
        uecho-log-search
        uecho-log-upload
        uecho-monitored
        uecho-observability
        uecho-pull
        uecho-trace-store
        ;
    };
  };
in
(nixosOptionsDoc {
  options = ours;
  # Paths of files in this repository instead of paths in the store.
  transformOptions =
    option:
    option
    // {
      declarations = map (file: lib.removePrefix "${toString ../.}/" (toString file)) option.declarations;
    };
}).optionsCommonMark
