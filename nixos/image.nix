# Disk images of the appliance: nixpkgs' variants (system.build.images), with the appliance's own disk and promises.
{
  lib,
  modulesPath,
  ...
}:
let
  # nixpkgs' builder with room for the boot entries, and without a copy of nixpkgs on the disk.
  disk =
    format:
    { config, pkgs, ... }:
    {
      system.build.image = lib.mkForce (
        import "${modulesPath}/../lib/make-disk-image.nix" {
          inherit
            config
            format
            lib
            pkgs
            ;
          inherit (config.image) baseName;
          additionalSpace = "2G";
          bootSize = "512M";
          contents = [
            # The boot loader is installed from inside the image and wants to know what system it is in. At run time /etc is
            # another file system.
            {
              source = "${config.system.build.toplevel}/etc/os-release";
              target = "/etc/os-release";
            }
          ];
          copyChannel = false;
          partitionTableType = "efi";
        }
      );
    };

  # The cloud variants come with agents, logins and root logins of their own. Here they are formats and drivers only.
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
    raw-efi = disk "raw";
    qemu-efi = disk "qcow2";
    openstack.imports = [
      cloud
      (disk "qcow2")
      {
        systemd.services.openstack-init.enable = false;
        virtualisation.amazon-init.enable = false;
      }
    ];
    amazon = {
      imports = [ cloud ];
      ec2.efi = true;
      systemd.services.fetch-ec2-metadata.enable = false;
      virtualisation.amazon-init.enable = false;
    };
    azure = {
      imports = [ cloud ];
      virtualisation.azureImage = {
        bootSize = 512;
        vmGeneration = "v2";
      };
    };
    google-compute = {
      imports = [ cloud ];
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
      virtualisation.googleComputeImage.efi = true;
    };
    proxmox = {
      imports = [ cloud ];
      proxmox = {
        cloudInit.enable = false;
        partitionTableType = "efi";
        qemuConf = {
          bios = "ovmf";
          bootSize = "512M";
        };
      };
      services.qemuGuest.enable = lib.mkForce false;
    };
  };
}
