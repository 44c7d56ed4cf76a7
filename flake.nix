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
      # When: it orders the versions of the appliance. What is not committed comes before all that is.
      date = if self ? rev then self.lastModifiedDate else "dirty";
      systems = import ./nixos/systems.nix { inherit nixpkgs pkgsFor self; };
    in
    {
      overlays.default = final: _prev: {
        uecho = final.callPackage ./nixos/package.nix { inherit revision; };
      };

      nixosModules = import ./nixos { inherit date revision; };

      nixosConfigurations = systems.configurations;

      packages = eachSystem (
        pkgs:
        let
          inherit (pkgs.stdenv.hostPlatform) system;
          sealed = systems.sealed.${system};
        in
        {
          default = pkgs.uecho;
          inherit (pkgs) uecho;
          inherit (systems.images.${system}) image;
          image-sealed = sealed.config.system.build.image;
          update-sealed = sealed.config.system.build.update;
          cloud = pkgs.callPackage ./nixos/cloud.nix { };
          deploy = pkgs.callPackage ./nixos/deploy.nix { };
          fleet = pkgs.callPackage ./nixos/fleet-vm.nix {
            test = (import ./tests/vm { inherit pkgs; }).scenario-observability;
          };
          options-doc = pkgs.callPackage ./nixos/options-doc.nix { modules = self.nixosModules; };
          probe = pkgs.callPackage ./nixos/probe.nix { };
          # With the only provider that cloud/ needs.
          tofu = pkgs.opentofu.withPlugins (plugins: [ plugins.hashicorp_aws ]);
          publish = pkgs.callPackage ./nixos/publish.nix { };
          sbom = pkgs.callPackage ./nixos/sbom.nix {
            name = "uecho-appliance";
            inherit (pkgs.uecho) version;
            inherit (systems.appliance.${system}.config.system.build) toplevel;
          };
          sbom-crates = pkgs.callPackage ./nixos/sbom-crates.nix { };
          vm = pkgs.callPackage ./nixos/vm.nix { appliance = systems.appliance.${system}; };
          vm-sealed = pkgs.callPackage ./nixos/vm.nix {
            name = "uecho-vm-sealed";
            description = "Boot the sealed appliance from its own disk image in QEMU";
            appliance = sealed;
            image = "${sealed.config.system.build.image}/${sealed.config.image.filePath}";
          };
        }
      );

      # Outside of packages, because they are large and seldom needed (the images for clouds), or because
      # their attributes are needed, too (the drivers of the VM tests).
      legacyPackages = eachSystem (pkgs: {
        # dev, qa and prod, machine by machine. The check environments-parity has what stands for all of them.
        parity = lib.mapAttrs (
          name: (import ./nixos/claims.nix { inherit pkgs self; }).claim "parity-${name}"
        ) (import ./nixos/environments-checks.nix { inherit lib self systems; }).each;
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
            inherit (packages)
              deploy
              fleet
              probe
              publish
              vm
              vm-sealed
              ;
          }
      ) self.packages;

      checks = eachSystem (pkgs: import ./nixos/checks.nix { inherit pkgs self systems; });

      devShells = eachSystem (pkgs: {
        default = pkgs.callPackage ./nixos/dev-shell.nix { };
      });

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
