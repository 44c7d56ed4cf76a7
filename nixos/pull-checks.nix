# Claims about services.uecho-pull, checked by evaluation.
{ pkgs, self }:
let
  inherit (pkgs) lib;
  inherit (import ./claims.nix { inherit pkgs self; })
    accepts
    evaluate
    refuses
    ;
  machine = pull: {
    imports = [ self.nixosModules.pull ];
    services.uecho-guard.enable = true;
    services.uecho-pull = {
      enable = true;
      url = "https://releases.example/prod/all.json";
      environment = "prod";
      wave = "all";
      signers = [
        "ssh-ed25519 AAAA first"
        "ssh-ed25519 BBBB second"
      ];
      cache = {
        url = "https://cache.example";
        publicKeys = [ "cache.example-1:AAAA" ];
      };
    }
    // pull;
  };
  found = evaluate (machine {
    mayDrain = "http://lb:8404/may-drain";
  });
  unit = found.systemd.services.uecho-pull;
in
{
  "a machine that follows releases is accepted" = accepts (machine { });
  "without a guard, nobody would judge" =
    refuses
      {
        imports = [ (machine { }) ];
        services.uecho-guard.enable = lib.mkForce false;
      }
      [
        "services.uecho-pull: nobody would judge"
        "services.uecho-guard.enable = true"
      ];
  "without a key, nothing could be followed" = refuses (machine { signers = [ ]; }) [
    "services.uecho-pull.signers"
  ];
  "each key may sign releases, and nothing else" =
    found.environment.etc."uecho/allowed_signers".text == ''
      release namespaces="uecho-release" ssh-ed25519 AAAA first
      release namespaces="uecho-release" ssh-ed25519 BBBB second
    '';
  "the program checks its settings while the system is built" =
    let
      settings = found.environment.etc."uecho/pull.toml".source;
    in
    lib.hasInfix "uecho-pull --config \"$source\" check-config" settings.buildCommand;
  "nix fetches from the cache, and trusts its key" =
    lib.elem "https://cache.example" found.nix.settings.substituters
    && lib.elem "cache.example-1:AAAA" found.nix.settings.trusted-public-keys;
  "the unit is the package's, its timer runs, and a switch does not stop it" =
    lib.elem found.services.uecho-guard.package found.systemd.packages
    && found.systemd.timers.uecho-pull.wantedBy == [ "timers.target" ]
    && !unit.restartIfChanged
    && unit.environment.NIX_REMOTE == "daemon";
  "it finds the programs that it calls" = lib.all (package: lib.elem package unit.path) [
    found.nix.package
    found.systemd.package
    found.services.uecho-guard.package
    pkgs.openssh
  ];
}
