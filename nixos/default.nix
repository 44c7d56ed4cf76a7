# The NixOS modules of the flake, by name. Each has a key, so that it counts once, however often it is
# imported.
{ revision }:
let
  module = name: imports: {
    _file = ./default.nix;
    key = "${toString ./.}#${name}";
    inherit imports;
  };
  # Of the program as this flake builds it.
  ours = {
    key = "${toString ./.}#revision";
    services.uecho = { inherit revision; };
  };
  uecho = module "uecho" [
    ./module.nix
    ours
  ];
in
{
  default = uecho;
  inherit uecho;
  # For any service, also where there is no uecho: it guards, and the program in it probes.
  guard = module "guard" [
    ./guard.nix
    ours
  ];
  appliance = module "appliance" [
    uecho
    ./appliance.nix
    ./generations.nix
    ./image.nix
  ];
}
