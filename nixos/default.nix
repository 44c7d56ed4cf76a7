# The NixOS modules of the flake, by name.
{ lib, revision }:
let
  # The program as this flake builds it, from the nixpkgs of whoever imports the module.
  uecho =
    { pkgs, ... }:
    {
      imports = [ ./module.nix ];
      services.uecho.package = lib.mkDefault (pkgs.callPackage ./package.nix { inherit revision; });
    };
in
{
  default = uecho;
  inherit uecho;
  appliance.imports = [
    uecho
    ./appliance.nix
    ./generations.nix
    ./image.nix
  ];
}
