# The machine of the scenario `metadata`: the example of docs/cloud-metadata, as a NixOS machine has it.
{ lib, pkgs, ... }:
{
  # For the stand-in for the metadata.
  environment.systemPackages = [ pkgs.python3 ];

  systemd.services = {
    uecho-metadata = {
      description = "Secrets of Unstoppable Echo from the metadata of this instance";
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      path = [ pkgs.curl ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        TimeoutStartSec = "60s";
      };
      script = lib.readFile ../../../docs/cloud-metadata/uecho-metadata.sh;
    };
    uecho = {
      requires = [ "uecho-metadata.service" ];
      after = [ "uecho-metadata.service" ];
      serviceConfig.IPAddressDeny = "169.254.169.254";
    };
  };
}
