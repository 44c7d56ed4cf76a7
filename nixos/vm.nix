# A machine of the flake on this one, in QEMU: what `nix run` starts. It has the store of the host; or, where
# an image is named, its own disk, firmware and boot loader, and nothing of the host.
{
  appliance,
  coreutils,
  lib,
  writeShellApplication,
  name ? "uecho-vm",
  description ? "Boot the appliance in QEMU, with its public port on this host",
  image ? null,
}:
let
  port = 8080;
  size = 8192;
  machine = appliance.extendModules {
    modules = [
      {
        virtualisation.vmVariant = {
          imports = [ (if image == null then ./vm-disk.nix else ./vm-own-disk.nix) ];
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
  variant = machine.config.virtualisation.vmVariant.virtualisation;
in
writeShellApplication {
  inherit name;
  runtimeInputs = [ coreutils ] ++ lib.optional (image != null) variant.qemu.package;
  runtimeEnv = {
    MACHINE = lib.getExe machine.config.system.build.vm;
    PORT = toString port;
  }
  // lib.optionalAttrs (image != null) {
    IMAGE = image;
    SIZE = "${toString size}M";
  };
  text = lib.readFile ./vm.sh;
  meta = { inherit description; };
}
