# Secrets by the module's option, and by the hypervisor: in force, and in no place where somebody else may
# look.
{ lib, pkgs, ... }:
{
  nodes = {
    # A file on the machine.
    file = {
      services.uecho.credentials."api.token" = "/var/lib/secrets/uecho-api-token";
      # Made while the machine starts, as it must not be in the store.
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
    # A machine that nobody can log in to: the hypervisor has it.
    hypervisor.virtualisation.credentials."uecho.api.token".source =
      "${pkgs.writeText "token-for-this-test" "canary-from-the-hypervisor"}";
  };
  testScript = lib.readFile ./credentials.py;
}
