# Claims about the appliance and its environments, all checked by evaluation.
{
  lib,
  self,
  environments,
}:
let
  inherit (self.nixosConfigurations) appliance;
  inherit (appliance.config.systemd.services) nix-gc;

  # Each environment, given the values of prod, must be the same system as prod.
  toplevel = name: self.nixosConfigurations.${name}.config.system.build.toplevel.drvPath;
  toplevelWith =
    name: module:
    (self.nixosConfigurations.${name}.extendModules { modules = [ module ]; })
    .config.system.build.toplevel.drvPath;
  valuesOf = name: lib.mapAttrsRecursive (_: lib.mkForce) environments.${name};
  paths = name: lib.mapAttrsToListRecursive (path: _: lib.showOption path) environments.${name};
  label = name: self.nixosConfigurations.${name}.config.services.uecho.settings.system;
  parity = lib.concatMapAttrs (name: _: {
    # The label alone does not tell the environments apart, so the receipt also has the hash of the system.
    "${name} has the label of prod" = label name == label "prod";
    "${name} states the same options as prod" = paths name == paths "prod";
    "${name} with the values of prod is prod" = toplevelWith name (valuesOf "prod") == toplevel "prod";
    "${name} is not prod without them" = name == "prod" || toplevel name != toplevel "prod";
  }) environments;

  # A flake that imports the appliance may set these without mkForce.
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
    "an importing flake can override" =
      other.boot.kernel.sysctl."kernel.kptr_restrict" == 1
      && !other.networking.useNetworkd
      && other.services.journald.extraConfig == "SystemMaxUse=1G"
      && other.services.journald.storage == "volatile"
      && other.system.stateVersion == "25.11"
      && other.systemd.settings.Manager.RuntimeWatchdogSec == "60s";
    "the firewall opens the port that the ops listener has" =
      lib.hasInfix "ip saddr 10.0.9.0/24 tcp dport 9000 accept" other.networking.firewall.extraInputRules;
    "the kernel gets panic= once" =
      lib.length (lib.filter (lib.hasPrefix "panic=") appliance.config.boot.kernelParams) == 1
      && !(appliance.config.boot.kernel.sysctl ? "kernel.panic");
    "no console gets a getty" =
      appliance.config.systemd.generators.systemd-getty-generator == "/dev/null";
    "no boot creates a folder in /etc" =
      appliance.config.environment.etc.nixos.mode == "direct-symlink";
    "boot entries are removed with their generations" =
      lib.hasInfix "/nix/var/nix/profiles/system/bin/switch-to-configuration boot" nix-gc.postStart;
    "the service's dynamic user can be looked up, and user namespaces are allowed" =
      appliance.config.security.allowUserNamespaces
      && appliance.config.services.nscd.enable
      && lib.elem "systemd" appliance.config.system.nssDatabases.passwd
      && lib.any (lib.hasInfix "systemd") appliance.config.system.nssDatabases.group;
  };
}
