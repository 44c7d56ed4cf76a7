# Table of contents: what this flake offers, by name. Everything it names lives in nixos/ and tests/vm/.
{
  description = "Unstoppable Echo: a fan-out echo service and the immutable NixOS appliance that carries it";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      eachSystem =
        f:
        lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
          system: f (nixpkgs.legacyPackages.${system}.extend self.overlays.default)
        );
      # Which commit an answer came from, as the receipt shows it.
      revision = self.shortRev or self.dirtyShortRev or "unknown";
      systems = import ./nixos/systems.nix { inherit nixpkgs self; };
    in
    {
      overlays.default = final: _prev: {
        uecho = final.callPackage ./nixos/package.nix { inherit revision; };
      };

      nixosModules = import ./nixos { inherit lib revision; };

      nixosConfigurations = systems.configurations;

      packages = eachSystem (
        pkgs:
        let
          inherit (pkgs.stdenv.hostPlatform) system;
        in
        systems.images system
        // {
          default = pkgs.uecho;
          inherit (pkgs) uecho;
          deploy = pkgs.callPackage ./nixos/deploy.nix { };
          options-doc = pkgs.callPackage ./nixos/options-doc.nix { modules = self.nixosModules; };
          probe = pkgs.callPackage ./nixos/probe.nix { };
          vm = pkgs.callPackage ./nixos/vm.nix { appliance = systems.appliance system; };
        }
      );

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
            inherit (packages) deploy probe;
          }
      ) self.packages;

      checks = eachSystem (pkgs: import ./nixos/checks.nix { inherit pkgs self systems; });

      devShells = eachSystem (pkgs: {
        default = pkgs.callPackage ./nixos/dev-shell.nix { };
      });

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
