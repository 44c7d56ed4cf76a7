# A node that runs v1 under a guard with short times, and has further versions in its store
# (system.build.versions, named by their fault). v1 does not refer to them, so garbage collection can remove
# them.
{
  config,
  extendModules,
  lib,
  ...
}:
let
  versions = lib.mapAttrs (
    name: module:
    (extendModules {
      modules = [
        module
        # Overrides the label that the test framework forces.
        { system.nixos.label = lib.mkOverride 40 name; }
      ];
    }).config.system.build.toplevel
  ) config.test.versions;
in
{
  options.test.versions = lib.mkOption {
    type = lib.types.attrsOf lib.types.deferredModule;
    default = { };
    description = "Label to what this version has beside what v1 has.";
  };

  config = {
    services.uecho-guard = {
      enable = true;
      soak = "8s";
      interval = "1s";
      # Enough for emulation, which is slow.
      grace = "40s";
    };
    system = {
      build = { inherit versions; };
      nixos.label = lib.mkOverride 45 "v1";
      switch.enable = true;
    };
    virtualisation = {
      additionalPaths = lib.attrValues versions;
      diskSize = 4096;
      memorySize = 1536;
    };
  };
}
