# What the appliance and its environments promise, claim by claim; all of it is found out by evaluating.
{
  lib,
  self,
  environments,
}:
let
  inherit (self.nixosConfigurations) appliance;

  # Give every environment the values of prod, and prod comes out.
  toplevel = name: self.nixosConfigurations.${name}.config.system.build.toplevel.drvPath;
  toplevelWith =
    name: module:
    (self.nixosConfigurations.${name}.extendModules { modules = [ module ]; })
    .config.system.build.toplevel.drvPath;
  valuesOf = name: lib.mapAttrsRecursive (_: lib.mkForce) environments.${name};
  paths = name: lib.mapAttrsToListRecursive (path: _: lib.showOption path) environments.${name};
  label = name: self.nixosConfigurations.${name}.config.services.uecho.settings.system;
  parity = lib.concatMapAttrs (name: _: {
    # So that the receipt has more than the label.
    "${name} has the label of prod" = label name == label "prod";
    "${name} states the same options as prod" = paths name == paths "prod";
    "${name} with the values of prod is prod" = toplevelWith name (valuesOf "prod") == toplevel "prod";
    "${name} is not prod without them" = name == "prod" || toplevel name != toplevel "prod";
  }) environments;

  # What a flake may say that imports the appliance, without mkForce.
  other =
    (appliance.extendModules {
      modules = [
        {
          appliance.monitoring.networks = [ "10.0.9.0/24" ];
          boot.kernel.sysctl."kernel.kptr_restrict" = 1;
          networking.useNetworkd = false;
          services.journald = {
            extraConfig = "SystemMaxUse=1G";
            storage = "volatile";
          };
          services.uecho.settings.ops.listen = "[::]:9000";
          system.stateVersion = "25.11";
          systemd.settings.Manager.RuntimeWatchdogSec = "60s";
        }
      ];
    }).config;
in
{
  inherit parity;

  machine = {
    "what may differ may differ" =
      other.boot.kernel.sysctl."kernel.kptr_restrict" == 1
      && !other.networking.useNetworkd
      && other.services.journald.extraConfig == "SystemMaxUse=1G"
      && other.services.journald.storage == "volatile"
      && other.system.stateVersion == "25.11"
      && other.systemd.settings.Manager.RuntimeWatchdogSec == "60s";
    "the ops port that is open is the one that is listened on" =
      lib.hasInfix "ip saddr 10.0.9.0/24 tcp dport 9000 accept" other.networking.firewall.extraInputRules;
    "the kernel is told once when to start again after a panic" =
      lib.length (lib.filter (lib.hasPrefix "panic=") appliance.config.boot.kernelParams) == 1
      && !(appliance.config.boot.kernel.sysctl ? "kernel.panic");
    "no console gets a getty" =
      appliance.config.systemd.generators.systemd-getty-generator == "/dev/null";
    "nothing has to be made in /etc" = appliance.config.environment.etc.nixos.mode == "direct-symlink";
    "boot entries go with their generations" =
      lib.hasInfix "/nix/var/nix/profiles/system/bin/switch-to-configuration boot" appliance.config.systemd.services.nix-gc.postStart;
    "the service's user is found, and gets a user namespace" =
      appliance.config.security.allowUserNamespaces
      && appliance.config.services.nscd.enable
      && lib.elem "systemd" appliance.config.system.nssDatabases.passwd
      && lib.any (lib.hasInfix "systemd") appliance.config.system.nssDatabases.group;
  };
}
