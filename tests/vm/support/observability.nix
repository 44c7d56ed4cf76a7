# Machines of the scenario `observability`, by name: those of the fleet, which send their journals to its
# archive, and a client, who also gets the webhooks.
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
  address =
    (fleet.observability // { inherit (fleet) archive; } // { client.address = "192.168.1.1"; })
    .${name}.address or null;
in
{
  imports = [
    (import ./balancer.nix name)
  ]
  ++ lib.optionals (name != "client") [ (import ./logs.nix name) ]
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
    (lib.mkIf (address != null) {
      networking = {
        interfaces.eth1.ipv4.addresses = lib.mkForce [
          {
            inherit address;
            inherit (fleet) prefixLength;
          }
        ];
        primaryIPAddress = lib.mkForce address;
      };
    })
    (lib.mkIf (name == "n1") {
      # Nobody is there. The scenario looks when it wants to.
      environment.etc."uecho/pull.toml".text = ''
        url = "http://192.168.1.1:9/prod/all.json"
        environment = "prod"
        wave = "all"
        machine = "n1"
        allowed_signers = "/etc/uecho/allowed_signers"
      '';
    })
    (lib.optionalAttrs (name == "obs") {
      # A node follows releases, which no machine of the fleet does by default. The search for logs is not
      # here.
      services.uecho-observability.machines = {
        n1.pull = true;
        obs.certificates = lib.mkForce [ ];
      };
    })
  ];
}
