# Claims about the appliance, all checked by evaluation.
{ lib, self }:
let
  inherit (self.nixosConfigurations) appliance;
  inherit (appliance.config.systemd.services) nix-gc;

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
