# A node that runs v1 and has v2 in its store (system.build.versions): the same program under another path,
# and with another name in the receipt. For tests of switches.
{
  config,
  extendModules,
  lib,
  pkgs,
  ...
}:
let
  # Overrides the label that the test framework forces.
  label = lib.mkOverride 40;

  relocated =
    package:
    pkgs.runCommand "uecho-relocated" { inherit (package) meta version; } ''
      cp --recursive --no-preserve=mode ${package} "$out"
      chmod +x "$out"/bin/*
      sed --in-place "s,${package},$out,g" "$out"/lib/systemd/system/*
    '';

  variant =
    module:
    (extendModules {
      modules = [
        module
        { system.extraDependencies = lib.mkOverride 40 [ ]; }
      ];
    }).config.system.build.toplevel;

  versions = {
    v2 = variant {
      services.uecho.package = lib.mkForce (relocated config.services.uecho.package);
      system.nixos.label = label "v2";
    };
    # v1 with changed settings that need only a reload.
    reloaded = variant {
      services.uecho.settings = {
        message = lib.mkForce "after the reload";
        fanout.peers = lib.mkForce [ "http://127.0.0.1:9" ];
        log.filter = lib.mkForce "debug";
      };
    };
  };
in
{
  config = {
    services.uecho.settings.message = "before the reload";
    system = {
      build = { inherit versions; };
      extraDependencies = lib.attrValues versions;
      nixos.label = lib.mkOverride 45 "v1";
      switch.enable = true;
    };
  };
}
