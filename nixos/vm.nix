# `nix run`: the appliance in QEMU, with the store of the host.
{
  appliance,
  coreutils,
  lib,
  writeShellApplication,
}:
let
  port = 8080;
  machine = appliance.extendModules {
    modules = [
      {
        virtualisation.vmVariant = {
          imports = [ ./vm-disk.nix ];
          virtualisation = {
            diskSize = 2048;
            forwardPorts = [
              {
                from = "host";
                host = {
                  address = "127.0.0.1";
                  inherit port;
                };
                guest = { inherit port; };
              }
            ];
            graphics = false;
            memorySize = 1024;
          };
        };
      }
    ];
  };
in
writeShellApplication {
  name = "uecho-vm";
  runtimeInputs = [ coreutils ];
  runtimeEnv = {
    MACHINE = lib.getExe machine.config.system.build.vm;
    PORT = toString port;
  };
  text = lib.readFile ./vm.sh;
  meta.description = "Boot the appliance in QEMU, with its public port on this host";
}
