# VM tests by name: one for every file here, and one for every scenario that the container tests run, too.
{ pkgs }:
let
  inherit (pkgs) lib;

  test =
    name: module:
    pkgs.testers.runNixOSTest {
      imports = [ module ];
      name = "uecho-${name}";
      defaults.imports = [ ./support/base.nix ];
      # Without KVM, the machines are emulated, about eight times as slowly; the timeout allows for that.
      # Tests of a disk with a boot loader (image, rollback, guard-boot) do need KVM: Nix makes such a disk in
      # a virtual machine that requires it.
      requiredFeatures.kvm = lib.mkForce false;
      globalTimeout = lib.mkDefault 3600;
    };

  isTest = file: kind: kind == "regular" && lib.hasSuffix ".nix" file && file != "default.nix";
  topics = lib.mapAttrs' (file: _: lib.nameValuePair (lib.removeSuffix ".nix" file) ./${file}) (
    lib.filterAttrs isTest (builtins.readDir ./.)
  );
in
lib.mapAttrs test (topics // import ./support/scenarios.nix { inherit lib; })
