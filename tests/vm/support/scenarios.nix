# The scenarios of tests/scenarios as VM tests: the script is the same, the nodes are defined here. A set-up
# is for the scenario of its name, and for those whose names begin with it and a dash.
{ lib }:
let
  nodes = {
    balancer = lib.genAttrs [ "client" "lb" "n1" "n2" "n3" ] (import ./balancer.nix);
    failover = lib.genAttrs [ "client" "lb" "lb2" "n1" ] (import ./balancer.nix);
    fanout = lib.genAttrs [ "a" "b" "c" ] (_: {
      networking.firewall.allowedTCPPorts = [ 8080 ];
    });
    # None: with Nix, the tests of the guard in this folder take their place.
    guard = null;
    observability = lib.genAttrs [
      "archive"
      "client"
      "lb"
      "n1"
      "n2"
      "n3"
      "obs"
    ] (import ./observability.nix);
    # Their versions are made as those of the guard's scenarios are.
    pull = null;
    rollout = null;
    # In a virtual machine, `credentials` of this folder's parent takes its place.
    hypervisor = null;
    # The test framework shows every entry on the serial console, which is too slow for ten thousand entries.
    journal.machine.services.journald.extraConfig = lib.mkAfter "ForwardToConsole=no";
    leaf.machine.services.uecho.leaf = true;
    logs = lib.genAttrs [ "archive" "n1" ] (import ./logs.nix);
    metadata.machine = ./metadata.nix;
    workers.machine.virtualisation.cores = 2;
  };
  default.machine = { };

  setup =
    name:
    let
      matching = lib.filter (key: name == key || lib.hasPrefix "${key}-" name) (lib.attrNames nodes);
      longest = lib.last (lib.sort (a: b: lib.stringLength a < lib.stringLength b) matching);
    in
    if matching == [ ] then default else nodes.${longest};

  scripts = lib.filterAttrs (file: _: lib.hasSuffix ".py" file) (builtins.readDir ../../scenarios);
  names = map (lib.removeSuffix ".py") (lib.attrNames scripts);
in
lib.listToAttrs (
  map (name: {
    name = "scenario-${name}";
    value = {
      nodes = setup name;
      testScript = lib.readFile ../../scenarios/${name}.py;
    }
    // lib.optionalAttrs (name == "observability") {
      interactive = import ./fleet.nix { inherit lib; };
    };
  }) (lib.filter (name: setup name != null) names)
)
