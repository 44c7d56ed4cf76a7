# Machines of the scenario `observability`, by name: those of the fleet, and a client, who also gets the
# webhooks.
name:
{
  lib,
  pkgs,
  ...
}:
let
  whole = import ../../../nixos/fleet.nix;
  # One of the balancers.
  fleet = whole // {
    loadBalancers = { inherit (whole.loadBalancers) lb; };
  };
  observability = import ../../../nixos/fleet-observability.nix fleet;
in
{
  imports = [
    (import ./balancer.nix name)
  ]
  ++ lib.optionals (name != "client") [
    ../../../nixos/monitored.nix
    (observability.monitored name)
  ]
  ++ lib.optionals (fleet.observability ? ${name}) [
    ../../../nixos/observability.nix
    observability.observer
    { virtualisation.memorySize = 1536; }
  ];

  config = lib.mkMerge [
    (lib.mkIf (fleet.nodes ? ${name}) {
      networking.firewall.allowedTCPPorts = [ 8081 ];
      services.uecho.settings.ops.listen = "[::]:8081";
    })
    (lib.mkIf (name == "client") {
      networking.firewall.allowedTCPPorts = [ 9000 ];
      environment.systemPackages = [
        (pkgs.writeTextFile {
          name = "uecho-pager";
          destination = "/bin/uecho-pager";
          executable = true;
          text = "#!${lib.getExe pkgs.python3}\n" + lib.readFile ../../scenarios/tools/uecho-pager.py;
        })
      ];
    })
    { networking.nftables.enable = true; }
  ];
}
