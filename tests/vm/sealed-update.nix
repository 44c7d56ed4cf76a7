# The sealed appliance from its own image: a good version comes, a bad one is left and remembered, a good one
# after it takes its place; a factory reset takes the state and nothing else.
{ lib, ... }:
{
  nodes = {
    server = ./support/sealed-server.nix;
    machine = {
      imports = [ ./support/sealed.nix ];
      test.versions = {
        v2.system.image.version = lib.mkForce "2";
        # Comes up and answers, but not as itself. The driver waits for the next one that lets it in.
        wrong = {
          system.image.version = lib.mkForce "3";
          services.uecho.settings.system = lib.mkForce "another";
          testing.backdoor = false;
        };
        v4.system.image.version = lib.mkForce "4";
      };
    };
  };

  globalTimeout = 2 * 3600;

  testScript =
    { nodes, ... }:
    let
      inherit (nodes.machine.system.build) image keys payloads;
    in
    ''
      QEMU_IMG = "${lib.getExe' nodes.machine.virtualisation.qemu.package "qemu-img"}"
      IMAGE = "${image}/${nodes.machine.image.filePath}"
      KEYS = "${keys}"
      V2 = "${payloads.v2}"
      WRONG = "${payloads.wrong}"
      V4 = "${payloads.v4}"
    ''
    + lib.readFile ./support/sealed-server.py
    + lib.readFile ./support/image.py
    + lib.readFile ./support/sealed.py
    + lib.readFile ./sealed-update.py;
}
