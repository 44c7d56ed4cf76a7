# Disk images of the appliance: nixpkgs' variants (system.build.images), with the appliance's own disk and
# promises.
{
  lib,
  modulesPath,
  ...
}:
let
  # nixpkgs' builder with room for the boot entries of generations.nix, and without a copy of nixpkgs on the
  # disk. What a variant makes of the disk in the end is its own business.
  disk =
    {
      name,
      format ? "raw",
      finish ? null,
    }:
    { config, pkgs, ... }:
    let
      image = import "${modulesPath}/../lib/make-disk-image.nix" {
        inherit
          config
          format
          lib
          pkgs
          ;
        inherit (config.image) baseName;
        inherit (config.virtualisation) diskSize;
        name = "uecho-${name}";
        additionalSpace = "2G";
        bootSize = "512M";
        contents = [
          # The boot loader is installed from inside the image and wants to know what system it is in. At run
          # time /etc is another file system.
          {
            source = "${config.system.build.toplevel}/etc/os-release";
            target = "/etc/os-release";
          }
        ];
        copyChannel = false;
        partitionTableType = "efi";
      };
    in
    {
      system = {
        # In the names of derivations.
        name = "uecho-${name}";
        build.image = lib.mkForce (
          if finish == null then
            image
          else
            lib.overrideDerivation image (_: {
              inherit (config.system.build.${finish}) postVM;
            })
        );
      };
    };

  # MiB. Azure and Google take whole MiB and GiB only; Amazon's has the same by default. The others have what
  # additionalSpace adds.
  diskSize = 4096;

  # The cloud variants come with agents, logins and root logins of their own. Here they are formats and
  # drivers only.
  cloud =
    { config, ... }:
    {
      environment.systemPackages = lib.mkForce [ config.services.uecho.package ];
      networking = {
        firewall.enable = lib.mkForce true;
        hostName = lib.mkForce "uecho";
      };
      services = {
        amazon-ssm-agent.enable = lib.mkForce false;
        cloud-init.enable = lib.mkForce false;
        openssh.enable = lib.mkForce (config.appliance.adminKeys != [ ]);
        openssh.settings.PermitRootLogin = lib.mkForce "prohibit-password";
        waagent.enable = lib.mkForce false;
      };
      security.googleOsLogin.enable = lib.mkForce false;
      systemd.services = {
        "serial-getty@tty1".enable = lib.mkForce false;
        "serial-getty@ttyS0".enable = lib.mkForce false;
      };
    };
in
{
  image.modules = {
    raw-efi = disk { name = "image"; };
    qemu-efi = disk {
      name = "qcow2";
      format = "qcow2";
    };
    openstack.imports = [
      cloud
      (disk {
        name = "openstack";
        format = "qcow2";
      })
      {
        system.installer.channel.enable = lib.mkForce false;
        systemd.services.openstack-init.enable = false;
        virtualisation.amazon-init.enable = false;
      }
    ];
    amazon = {
      imports = [
        cloud
        (disk {
          name = "amazon";
          format = "vpc";
          finish = "amazonImage";
        })
      ];
      ec2.efi = true;
      systemd.services.fetch-ec2-metadata.enable = false;
      virtualisation.amazon-init.enable = false;
    };
    azure = {
      imports = [
        cloud
        (disk {
          name = "azure";
          finish = "azureImage";
        })
      ];
      virtualisation = {
        azureImage.vmGeneration = "v2";
        inherit diskSize;
      };
    };
    google-compute = {
      imports = [
        cloud
        (disk {
          name = "google-compute";
          finish = "googleComputeImage";
        })
      ];
      systemd.services =
        lib.genAttrs
          [
            "google-guest-agent"
            "google-shutdown-scripts"
            "google-startup-scripts"
          ]
          (_: {
            enable = false;
          });
      virtualisation = {
        googleComputeImage.efi = true;
        inherit diskSize;
      };
    };
    proxmox = {
      imports = [
        cloud
        (disk {
          name = "proxmox";
          finish = "VMA";
        })
      ];
      proxmox = {
        cloudInit.enable = false;
        partitionTableType = "efi";
        qemuConf.bios = "ovmf";
      };
      services.qemuGuest.enable = lib.mkForce false;
    };
  };
}
