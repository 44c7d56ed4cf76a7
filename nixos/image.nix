# Disk images of the appliance: nixpkgs' variants (system.build.images), but with the disk layout of the
# appliance, and without agents and logins.
{
  lib,
  modulesPath,
  ...
}:
let
  # nixpkgs' builder, with room for the boot entries of generations.nix, and without a copy of nixpkgs on the
  # disk. `finish` names the variant's image whose last step (postVM) converts the disk.
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
          # bootctl, which installs the boot loader from inside the image, reads this file. At run time /etc
          # is another file system.
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
        # Appears in the names of derivations.
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

  # In MiB. Azure accepts only whole MiB and Google whole GiB; this is also the default of Amazon's variant.
  # The disks of the other variants are as large as additionalSpace makes them.
  diskSize = 4096;

  # The cloud variants of nixpkgs enable agents and logins. Here they provide only a disk format and drivers.
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
