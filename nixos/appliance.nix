# The machine, however it is updated: it has one purpose, no screen and no logins, and all but its state is
# read-only. generations.nix and sealed.nix say where the state is and how a new version comes.
{
  config,
  lib,
  modulesPath,
  ...
}:
let
  cfg = config.appliance;
  service = config.services.uecho;
  inherit (config.system.image) version;
  # Overrides the defaults of nixpkgs; a flake that imports this module overrides it without mkForce.
  weakly = lib.mapAttrs (_: lib.mkOverride 900);
in
{
  imports = [
    "${modulesPath}/profiles/headless.nix"
    "${modulesPath}/profiles/minimal.nix"
    # /etc is an overlay, userborn creates the users, and the closure contains no perl.
    "${modulesPath}/profiles/perlless.nix"
    "${modulesPath}/profiles/qemu-guest.nix"
    ./given-settings.nix
    ./immutable.nix
  ];

  options.appliance = {
    adminKeys = lib.mkOption {
      type = lib.types.listOf lib.types.singleLineStr;
      default = [ ];
      example = [ "ssh-ed25519 AAAA... deploy@example" ];
      description = ''
        Public keys that may log in as root over ssh, to deploy. Without any, there is no ssh server and no
        way to log in at all.
      '';
    };
    monitoring.networks = lib.mkOption {
      type = lib.types.listOf lib.types.singleLineStr;
      default = [ ];
      example = [ "10.0.9.0/24" ];
      description = ''
        IPv4 or IPv6 networks that may reach the ops listener (health, version, metrics). Without any, it
        listens on loopback only.
      '';
    };
  };

  config = {
    services.uecho = {
      enable = true;
      openFirewall = true;
      settings = {
        public.listen = lib.mkDefault "[::]:8080";
        ops.listen = lib.mkIf (cfg.monitoring.networks != [ ]) (lib.mkDefault "[::]:8081");
      };
    };

    # One version names the system: in boot entries, the image's name, os-release, and the receipt of every
    # answer. Versions have an order, which revisions have not.
    system = {
      # A label knows fewer characters.
      nixos.label = lib.mkIf (version != null) (
        lib.mkOverride 900 (lib.replaceStrings [ "~" "^" ] [ "-" "-" ] version)
      );
      image = {
        id = "uecho";
        version = lib.mkDefault "${service.package.version}-${service.date}";
      };
      etc.overlay.mutable = false;
    };

    # Nobody logs in: no account has a password, and no console has a login prompt.
    users = {
      mutableUsers = false;
      allowNoPasswordLogin = true;
      users.root = {
        hashedPassword = "!";
        openssh.authorizedKeys.keys = cfg.adminKeys;
      };
    };
    security.sudo.enable = false;
    console.enable = lib.mkDefault false;
    # headless.nix disables the consoles of x86 by name; this disables those of every architecture.
    systemd.generators.systemd-getty-generator = "/dev/null";
    services.openssh = {
      enable = cfg.adminKeys != [ ];
      hostKeys = [
        {
          type = "ed25519";
          path = "/var/lib/ssh/ssh_host_ed25519_key";
        }
      ];
      settings = {
        AuthenticationMethods = "publickey";
        KbdInteractiveAuthentication = false;
        PasswordAuthentication = false;
        PermitRootLogin = "prohibit-password";
        X11Forwarding = false;
      };
    };

    networking = {
      # Weaker than mkDefault, with which the test framework names its nodes.
      hostName = lib.mkOverride 1200 "uecho";
      # DHCP on every wired interface.
      useNetworkd = lib.mkDefault true;
      nftables.enable = true;
      firewall = {
        enable = true;
        extraInputRules = import ./firewall-rules.nix {
          inherit lib;
        } (lib.last (lib.splitString ":" service.settings.ops.listen)) cfg.monitoring.networks;
      };
    };
    services = {
      resolved = {
        enable = true;
        settings.Resolve = {
          LLMNR = "no";
          MulticastDNS = "no";
        };
      };
      journald = {
        storage = lib.mkDefault "persistent";
        extraConfig = lib.mkDefault ''
          SystemMaxUse=500M
          SystemKeepFree=200M
        '';
      };
    };

    # A machine that hangs or panics (headless.nix sets panic=) reboots by itself: nobody sees its console.
    systemd.settings.Manager = weakly {
      RuntimeWatchdogSec = "15s";
      RebootWatchdogSec = "30s";
      KExecWatchdogSec = "1min";
    };
    boot = {
      kernel.sysctl = weakly {
        "kernel.panic_on_oops" = 1;
        "kernel.dmesg_restrict" = 1;
        "kernel.kptr_restrict" = 2;
        "kernel.unprivileged_bpf_disabled" = 1;
        # The backlog that the service's sockets ask for: clients wait in this queue during a restart.
        "net.core.somaxconn" = 65535;
      };
      initrd.systemd = {
        emergencyAccess = false;
        settings.Manager = weakly { RuntimeWatchdogSec = "15s"; };
      };
      # Drivers for the disks and network cards of the image variants, beside virtio.
      initrd.availableKernelModules = [
        "ahci"
        "ena"
        "gve"
        "hv_netvsc"
        "hv_storvsc"
        "nvme"
        "sd_mod"
        "xen_blkfront"
      ];
      enableContainers = false;
      bcache.enable = false;
      swraid.enable = false;
      kexec.enable = false;
      tmp.cleanOnBoot = false;
    };
    systemd.coredump.settings.Coredump.Storage = "none";
    powerManagement.enable = false;
    programs.nano.enable = false;
    services.lvm.enable = false;
    fonts.fontconfig.enable = false;

    system.stateVersion = lib.mkDefault "26.05";
  };
}
