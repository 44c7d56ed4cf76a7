# Logs and traces of the fleet can be found: a request goes through the balancer to a node, and from there to
# the others, and both stores know of it.
{ lib, pkgs, ... }:
let
  # One of the balancers.
  whole = import ../../nixos/fleet.nix;
  fleet = whole // {
    loadBalancers = { inherit (whole.loadBalancers) lb; };
  };
  credentials = import ./support/journal-credentials.nix { inherit lib pkgs; };

  sender = name: {
    imports = [
      (import ./support/balancer.nix name)
      ../../nixos/log-upload.nix
    ];
    services.uecho-log-upload.search = "https://obs:9443/insert/journald";
    environment.etc = credentials name "journal-upload";
  };
  node = name: {
    imports = [ (sender name) ];
    services.uecho.settings = {
      fanout.peers = map (other: "http://${other}:8080") (lib.remove name (lib.attrNames fleet.nodes));
      log.access = "all";
      otlp.endpoint = "http://obs:4318";
    };
  };
in
{
  nodes = {
    client = import ./support/balancer.nix "client";
    lb = sender "lb";
    n1 = node "n1";
    n2 = node "n2";
    n3 = node "n3";
    obs = {
      imports = [
        ../../nixos/log-search.nix
        ../../nixos/observability.nix
        ../../nixos/trace-store.nix
        (import ../../nixos/fleet-observability.nix fleet).observer
      ];
      services = {
        uecho.enable = lib.mkForce false;
        uecho-log-search = {
          enable = true;
          senders = fleet.monitoring;
        };
        uecho-trace-store = {
          enable = true;
          senders = fleet.monitoring;
        };
        # What has come can be found at once.
        victoriatraces.extraOptions = [ "-search.latencyOffset=0s" ];
      };
      environment = {
        etc = credentials "obs" "journal-receive";
        systemPackages = [ pkgs.chromium ];
      };
      networking.nftables.enable = true;
      virtualisation.memorySize = 3072;
    };
  };

  testScript = lib.readFile ./seeing.py;
}
