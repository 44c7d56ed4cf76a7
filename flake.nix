# Table of contents: what this flake offers, by name. All of it is defined in nixos/ and tests/vm/.
{
  description = "Unstoppable Echo: a fan-out echo service and the immutable NixOS appliance that carries it";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      # One nixpkgs for each system; everything here is made from it.
      pkgsFor = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
        system: nixpkgs.legacyPackages.${system}.extend self.overlays.default
      );
      eachSystem = f: lib.mapAttrs (_: f) pkgsFor;
      # Which commit an answer came from, as the receipt shows it.
      revision = self.shortRev or self.dirtyShortRev or "unknown";
      systems = import ./nixos/systems.nix { inherit nixpkgs pkgsFor self; };
    in
    {
      overlays.default = final: _prev: {
        uecho = final.callPackage ./nixos/package.nix { inherit revision; };
      };

      nixosModules = import ./nixos { inherit revision; };

      nixosConfigurations = systems.configurations;

      packages = eachSystem (
        pkgs:
        let
          inherit (pkgs.stdenv.hostPlatform) system;
        in
        {
          default = pkgs.uecho;
          inherit (pkgs) uecho;
          inherit (systems.images.${system}) image;
          deploy = pkgs.callPackage ./nixos/deploy.nix { };
          options-doc = pkgs.callPackage ./nixos/options-doc.nix { modules = self.nixosModules; };
          probe = pkgs.callPackage ./nixos/probe.nix { };
          vm = pkgs.callPackage ./nixos/vm.nix { appliance = systems.appliance.${system}; };
        }
      );

      # Outside of packages, because they are large and seldom needed (the images for clouds), or because
      # their attributes are needed, too (the drivers of the VM tests).
      legacyPackages = eachSystem (pkgs: {
        images = removeAttrs systems.images.${pkgs.stdenv.hostPlatform.system} [ "image" ];
        tests = import ./tests/vm { inherit pkgs; };
      });

      apps = lib.mapAttrs (
        _: packages:
        lib.mapAttrs
          (_: package: {
            type = "app";
            program = lib.getExe package;
            meta = { inherit (package.meta) description; };
          })
          {
            default = packages.vm;
            inherit (packages) deploy probe vm;
          }
      ) self.packages;

      checks = eachSystem (pkgs: import ./nixos/checks.nix { inherit pkgs self systems; });

      devShells = eachSystem (pkgs: {
        default = pkgs.callPackage ./nixos/dev-shell.nix { };
      });

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
