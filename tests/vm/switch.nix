# switch-to-configuration under load: from v1 to v2 and back, and to other settings, without a failed request.
{ lib, ... }:
{
  nodes.machine.imports = [ ./support/versions.nix ];

  testScript =
    { nodes, ... }:
    ''
      V1 = "${nodes.machine.system.build.toplevel}"
      V2 = "${nodes.machine.system.build.versions.v2}"
      RELOADED = "${nodes.machine.system.build.versions.reloaded}"
    ''
    + lib.readFile ./support/receipt.py
    + lib.readFile ./switch.py;
}
