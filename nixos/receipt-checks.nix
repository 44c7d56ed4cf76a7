# Claims about the receipt and about the package that the modules use, all checked by evaluation.
{ pkgs, self }:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;
  inherit (import ./claims.nix { inherit pkgs self; }) bare evaluate;

  units = (evaluate { }).systemd;
  leaf = evaluate { services.uecho.leaf = true; };
  inherit (units.services) uecho-switched;
  copyLink = lib.concatStringsSep " " [
    "/bin/cp --no-dereference --no-target-directory --remove-destination"
    "/run/current-system /run/uecho/current-system"
  ];
  imported = modules: (bare modules).services.uecho.package.drvPath;
in
{
  receipt = {
    "the service knows the running system" =
      (evaluate { }).services.uecho.settings.current_system == "/run/current-system";
    "a leaf knows it by a copy of the link in a folder that it sees, made before each start and reload" =
      leaf.services.uecho.settings.current_system == "/run/uecho/current-system"
      && lib.hasSuffix copyLink leaf.systemd.services.uecho-current-system.serviceConfig.ExecStart
      &&
        lib.all
          (
            name:
            let
              unit = leaf.systemd.services.${name};
            in
            lib.elem "uecho-current-system.service" unit.wants
            && lib.elem "uecho-current-system.service" unit.after
          )
          [
            "uecho"
            "uecho-switched"
          ];
    "every switch reloads the service, and no boot does" =
      uecho-switched.wantedBy == [ "timers.target" ]
      && uecho-switched.serviceConfig.Type == "oneshot"
      && !(uecho-switched.serviceConfig.RemainAfterExit or false)
      && uecho-switched.unitConfig.ConditionPathExists == "/run/nixos/switch-to-configuration.lock"
      && lib.hasSuffix " try-reload-or-restart uecho.service" uecho-switched.serviceConfig.ExecStart;
  };

  package = {
    "the modules go together" =
      imported (lib.attrValues self.nixosModules) == imported [ self.nixosModules.default ];
    "the overlay's package is taken" = imported [ self.nixosModules.default ] == pkgs.uecho.drvPath;
    "any other package of that name is taken" =
      imported [
        self.nixosModules.default
        { _module.args.pkgs = lib.mkForce (pkgs // { uecho = pkgs.hello; }); }
      ] == pkgs.hello.drvPath;
    "without an overlay it is the flake's" =
      imported [
        self.nixosModules.default
        { _module.args.pkgs = lib.mkForce (removeAttrs pkgs [ "uecho" ]); }
      ] == pkgs.uecho.drvPath;
    "the default package is the program, and the default app the machine" =
      self.packages.${system}.default.drvPath == pkgs.uecho.drvPath
      && self.apps.${system}.default.program == self.apps.${system}.vm.program
      && self.apps.${system}.vm.program == lib.getExe self.packages.${system}.vm;
  };
}
