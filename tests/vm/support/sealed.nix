# A sealed machine that starts from its own image, v1, and further versions of it, each a payload for the
# server beside it: system.build.payloads, named by what is wrong with them.
{
  config,
  extendModules,
  lib,
  pkgs,
  ...
}:
let
  # Not as a text: that would copy all of nixpkgs to the store.
  keys = import (pkgs.path + "/nixos/tests/common/gpg-keyring.nix") { inherit pkgs; };
  versions = lib.mapAttrs (
    _: module: (extendModules { modules = [ module ]; }).config.system.build.update
  ) config.test.versions;
in
{
  imports = [
    ../../../nixos/sealed.nix
    ../../../nixos/vm-own-disk.nix
  ];

  options.test.versions = lib.mkOption {
    type = lib.types.attrsOf lib.types.deferredModule;
    default = { };
    description = "Name of a version to what it has beside what v1 has; its number is one of it.";
  };

  config = {
    appliance.update = {
      url = "http://server/";
      keyring = "${keys}/pubkey.gpg";
      # The test says when.
      calendar = "2099-01-01";
    };
    services.uecho-guard = {
      soak = "8s";
      interval = "1s";
      # Emulation is slow.
      grace = "40s";
      bootTimeout = "4m";
      # The driver waits five minutes for a shell, and nobody has any before this many boots and one more.
      maxAttempts = 2;
      # The driver reboots, or else it would not know of it.
      slots.afterUpdate = "wait";
    };
    system = {
      build = {
        inherit keys;
        payloads = versions;
      };
      image.version = lib.mkOverride 90 "1";
    };
    # A reset asks for a reboot, too.
    systemd.services.systemd-factory-reset-reboot.enable = false;
    # The test framework lets everybody in as root.
    users.users.root.hashedPasswordFile = lib.mkForce null;
    virtualisation = {
      memorySize = 2048;
      qemu.options = [ "-device i6300esb" ];
    };
    boot.kernelModules = [ "i6300esb" ];
  };
}
