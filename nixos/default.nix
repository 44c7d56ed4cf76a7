# The NixOS modules of the flake, by name. Each has a key, so that a module that is imported twice counts
# once.
{ revision, date }:
let
  module = name: imports: {
    _file = ./default.nix;
    key = "${toString ./.}#${name}";
    inherit imports;
  };
  # The revision of this flake, for the package that the modules build.
  ours = {
    key = "${toString ./.}#revision";
    services.uecho = { inherit date revision; };
  };
  uecho = module "uecho" [
    ./module.nix
    ours
  ];
in
{
  default = uecho;
  inherit uecho;
  # For any service, also on a machine without uecho.
  guard = module "guard" [
    ./guard.nix
    ours
  ];
  # For any machine that is in front of nodes.
  load-balancer = module "load-balancer" [ ./load-balancer.nix ];
  # For any machine with Nix.
  pull = module "pull" [
    ./pull.nix
    ours
  ];
  # For any machine of a fleet whose metrics are read.
  monitored = module "monitored" [
    ./monitored.nix
    ours
  ];
  # For the machine that reads them.
  observability = module "observability" [
    ./observability.nix
    ours
  ];
  # For any machine: its journal goes elsewhere; and for those where journals go.
  log-upload = module "log-upload" [ ./log-upload.nix ];
  log-archive = module "log-archive" [ ./log-archive.nix ];
  log-search = module "log-search" [ ./log-search.nix ];
  # For the machine where spans go.
  trace-store = module "trace-store" [ ./trace-store.nix ];
  appliance = module "appliance" [
    uecho
    ./appliance.nix
    ./generations.nix
    ./image.nix
  ];
  sealed = module "sealed" [
    uecho
    ./sealed.nix
  ];
}
