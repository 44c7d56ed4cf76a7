# Helpers of the modules' checks: they evaluate a machine, and turn claims about it into a check.
{ pkgs, self }:
let
  inherit (pkgs) lib;

  # A machine with these modules and no others of this flake.
  bare =
    imports:
    (pkgs.nixos {
      inherit imports;
      system.stateVersion = lib.mkDefault lib.trivial.release;
    }).config;
  evaluate =
    module:
    bare [
      self.nixosModules.uecho
      { services.uecho.enable = true; }
      module
    ];

  # A file that lists the claims; its evaluation fails with the names of the claims that do not hold.
  claim =
    name: claims:
    let
      broken = lib.attrNames (lib.filterAttrs (_: holds: !holds) claims);
    in
    assert lib.assertMsg (broken == [ ]) "${name}: ${lib.concatStringsSep ", " broken}";
    pkgs.writeText name (lib.concatLines (lib.attrNames claims));

  messages = module: map (a: a.message) (lib.filter (a: !a.assertion) (evaluate module).assertions);
  # Exactly one assertion of this flake fails, and its message contains all parts: the option, and what to
  # set.
  refuses =
    module: parts:
    let
      ours = lib.filter (lib.hasPrefix "services.uecho") (messages module);
    in
    lib.length ours == 1 && lib.all (part: lib.hasInfix part (lib.head ours)) parts;
  accepts = module: lib.filter (lib.hasPrefix "services.uecho") (messages module) == [ ];
in
{
  inherit
    accepts
    bare
    claim
    evaluate
    refuses
    ;
}
