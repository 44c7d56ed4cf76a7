# Every node of a VM test: the service, and the tools that the scripts call.
{
  config,
  lib,
  pkgs,
  ...
}:
{
  imports = [ ../../../nixos/module.nix ];

  services.uecho = {
    enable = true;
    # Without a revision, so that a commit that does not change the program does not rebuild the tests.
    package = lib.mkDefault (pkgs.callPackage ../../../nixos/package.nix { });
  };

  environment.systemPackages = [
    pkgs.curl
  ]
  # A machine without Nix is one without an interpreter.
  ++ lib.optionals config.nix.enable (
    map
      (
        name:
        pkgs.writeTextFile {
          inherit name;
          destination = "/bin/${name}";
          executable = true;
          text = "#!${lib.getExe pkgs.python3}\n" + lib.readFile ../../scenarios/tools/${name}.py;
        }
      )
      [
        "uecho-load"
        "uecho-otlp"
      ]
  );

  documentation.enable = false;
  virtualisation = {
    cores = 2;
    memorySize = lib.mkDefault 1024;
  };
}
