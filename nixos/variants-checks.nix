# One commit, two variants, the same answers: what the sealed appliance has in common with the one that is
# updated by generations, claim by claim; all of it is found out by evaluating.
{
  appliance,
  lib,
  sealed,
}:
let
  inherit (sealed) config;
  imported = config.systemd.services.uecho.serviceConfig.ImportCredential;
  same = path: lib.getAttrFromPath path appliance.config == lib.getAttrFromPath path config;
  # Nix builds as users of its own.
  users =
    machine: lib.filter (name: !lib.hasPrefix "nixbld" name) (lib.attrNames machine.config.users.users);
  service = machine: removeAttrs machine.config.services.uecho.settings [ "current_system" ];
  unit = machine: {
    inherit (machine.config.systemd.services.uecho)
      after
      environment
      requires
      serviceConfig
      wantedBy
      wants
      ;
  };
  judge =
    machine:
    removeAttrs machine.config.services.uecho-guard.settings [
      "backend"
      "slots"
    ];
in
{
  "the service has the same settings" = service appliance == service sealed;
  "the service's units say the same" =
    unit appliance == unit sealed
    && same [
      "systemd"
      "sockets"
      "uecho"
      "socketConfig"
    ]
    && same [
      "systemd"
      "sockets"
      "uecho-ops"
      "socketConfig"
    ];
  "the program is the same" =
    appliance.config.services.uecho.package.drvPath == config.services.uecho.package.drvPath;
  "versions are judged by the same rules" = judge appliance == judge sealed;
  "the receipt has the same version; generations have their hash beside it" =
    lib.all
      (
        machine:
        machine.config.services.uecho.settings.system == machine.config.system.image.version
        && machine.config.system.image.id == "uecho"
      )
      [
        appliance
        sealed
      ]
    && same [
      "system"
      "image"
      "version"
    ]
    && config.services.uecho.settings.current_system == null
    && appliance.config.services.uecho.settings.current_system == "/run/current-system";
  "the same ports are open, the same users exist, and the kernel has the same limits" =
    same [
      "networking"
      "firewall"
      "allowedTCPPorts"
    ]
    && users appliance == users sealed
    && same [
      "boot"
      "kernel"
      "sysctl"
    ];
  "the same credentials are settings" =
    lib.elem "uecho.fanout.peers:fanout.peers" imported && !(lib.any (lib.hasInfix "listen") imported);
}
