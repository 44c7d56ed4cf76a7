# VM tests by name: one for every file here, and one for every scenario that the container tests run too.
{ pkgs }:
let
  inherit (pkgs) lib;

  test =
    name: module:
    pkgs.testers.runNixOSTest {
      imports = [ module ];
      name = "uecho-${name}";
      defaults.imports = [ ./support/base.nix ];
      # Emulation, where there is no KVM, takes about eight times as long.
      globalTimeout = lib.mkDefault 3600;
    };

  isTest = file: kind: kind == "regular" && lib.hasSuffix ".nix" file && file != "default.nix";
  topics = lib.mapAttrs' (file: _: lib.nameValuePair (lib.removeSuffix ".nix" file) ./${file}) (
    lib.filterAttrs isTest (builtins.readDir ./.)
  );
in
lib.mapAttrs test (topics // import ./support/scenarios.nix { inherit lib; })
