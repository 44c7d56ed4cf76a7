# Secrets from the module's option and from the hypervisor: the service uses them, and nobody else can read
# them.
{ lib, pkgs, ... }:
{
  nodes = {
    # The secret is a file on the machine.
    file = {
      services.uecho.credentials."api.token" = "/var/lib/secrets/uecho-api-token";
      # Created while the machine starts, because it must not be in the store.
      systemd.services.make-token = {
        wantedBy = [ "multi-user.target" ];
        before = [ "uecho.service" ];
        requiredBy = [ "uecho.service" ];
        serviceConfig = {
          Type = "oneshot";
          RemainAfterExit = true;
        };
        script = ''
          install --directory --mode=0700 /var/lib/secrets
          umask 077
          echo "canary-$(tr --delete - </proc/sys/kernel/random/uuid)" >/var/lib/secrets/uecho-api-token
        '';
      };
    };
    # For a machine without logins: the hypervisor passes secrets and settings.
    hypervisor = {
      imports = [ ../../nixos/given-settings.nix ];
      virtualisation.credentials = {
        "uecho.api.token".source = "${pkgs.writeText "token-for-this-test" "canary-from-the-hypervisor"}";
        "uecho.message".text = "from the hypervisor";
        "uecho.fanout.peers".text = ''["http://127.0.0.1:9"]'';
      };
    };
  };
  testScript = lib.readFile ./credentials.py;
}
