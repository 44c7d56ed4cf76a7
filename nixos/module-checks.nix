# Claims about the modules. All but the typo, the lints and the size are checked by evaluation, that is, also
# by `nix flake check --no-build`.
{
  pkgs,
  self,
  systems,
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;

  inherit (import ./claims.nix { inherit pkgs self; })
    accepts
    claim
    evaluate
    refuses
    ;

  refusals = {
    "a credential in the store is refused" =
      refuses { services.uecho.credentials."api.token" = "${pkgs.writeText "token" "x"}"; }
        [
          ''credentials."api.token"''
          "install -m 600"
        ];
    "a credential beside the configuration is refused" =
      refuses { services.uecho.credentials."api.token" = ./module-checks.nix; }
        [
          ''credentials."api.token"''
        ];
    "a relative credential is refused" =
      refuses { services.uecho.credentials."api.token" = "secrets/token"; }
        [
          ''credentials."api.token"''
        ];
    "a credential on the machine is accepted" = accepts {
      services.uecho.credentials."api.token" = "/var/lib/secrets/token";
    };
    "a token in the settings is refused" = refuses { services.uecho.settings.api.token = "x"; } [
      "world-readable"
      "credentials"
    ];
    "a leaf with peers is refused" =
      refuses
        {
          services.uecho = {
            leaf = true;
            settings.fanout.peers = [ "http://127.0.0.1:9" ];
          };
        }
        [
          "fanout.peers"
          "leaf = false"
        ];
    "a leaf without sockets is refused" =
      refuses
        {
          services.uecho = {
            leaf = true;
            socketActivation = false;
          };
        }
        [
          "socketActivation = true"
        ];
    "a port of a unix socket is refused" =
      refuses
        {
          services.uecho = {
            openFirewall = true;
            settings.public.listen = "unix:/run/uecho/other.sock";
          };
        }
        [
          "openFirewall"
        ];
    "the defaults are accepted" = accepts { };
    "a leaf is accepted" = accepts { services.uecho.leaf = true; };
  };

  units = (evaluate { services.uecho.settings.public.listen = "[::]:8080"; }).systemd;
  triggers =
    settings:
    let
      service = (evaluate { services.uecho = { inherit settings; }; }).systemd.services.uecho;
    in
    {
      inherit (service) reloadTriggers restartTriggers;
    };
  before = triggers { };
  changed =
    settings:
    let
      after = triggers settings;
    in
    {
      reload = before.reloadTriggers != after.reloadTriggers;
      restart = before.restartTriggers != after.restartTriggers;
    };
  onlyReload = {
    reload = true;
    restart = false;
  };
  onlyRestart = {
    reload = false;
    restart = true;
  };
  switching = {
    "the socket is not stopped for a change of the service" = !units.services.uecho.stopIfChanged;
    "the sockets listen where the settings say" =
      units.sockets.uecho.socketConfig.ListenStream == [
        ""
        "[::]:8080"
        "/run/uecho/public.sock"
      ];
    "a new message reloads" = changed { message = "x"; } == onlyReload;
    "new peers reload" = changed { fanout.peers = [ "http://127.0.0.1:9" ]; } == onlyReload;
    "a new label reloads" = changed { system = "another"; } == onlyReload;
    "a new log filter reloads" = changed { log.filter = "debug"; } == onlyReload;
    "a new limit restarts" = changed { limits.in_flight = 7; } == onlyRestart;
    "a new policy restarts" = changed { fanout.policy.quorum = 1; } == onlyRestart;
  };

  receiptClaims = import ./receipt-checks.nix { inherit pkgs self; };
  applianceClaims = import ./appliance-checks.nix { inherit lib self; };
  inherit (self.nixosConfigurations) appliance;
  sealed = self.nixosConfigurations.appliance-sealed;
  balancerClaims = import ./load-balancer-checks.nix { inherit pkgs self; };
  observabilityClaims = import ./observability-checks.nix { inherit pkgs self; };
  sealedClaims = import ./sealed-checks.nix { inherit lib pkgs sealed; };
  megabytes = 600;
in
{
  module-refusals = claim "module-refusals" refusals;
  module-switching = claim "module-switching" switching;
  module-receipt = claim "module-receipt" receiptClaims.receipt;
  module-package = claim "module-package" receiptClaims.package;
  balancer-refusals = claim "balancer-refusals" balancerClaims.refusals;
  observability-refusals = claim "observability-refusals" observabilityClaims.refusals;
  guard-module = claim "guard-module" (import ./guard-checks.nix { inherit pkgs self; });
  pull-module = claim "pull-module" (import ./pull-checks.nix { inherit pkgs self; });

  # The program checks the configuration while the system is built.
  module-typo =
    pkgs.runCommand "module-typo"
      {
        failed =
          pkgs.testers.testBuildFailure
            (evaluate {
              services.uecho.settings.mesage = "x";
            }).environment.etc."uecho/uecho.toml".source;
      }
      ''
        grep --fixed-strings mesage "$failed/testBuildFailure.log"
        touch "$out"
      '';

  # .ci/metrics also breaks each rule and asserts that these tests notice.
  alert-rules = pkgs.runCommand "alert-rules" { nativeBuildInputs = [ pkgs.prometheus.cli ]; } ''
    mkdir --parents nixos/observability tests
    cp --recursive ${./observability/rules} nixos/observability/rules
    cp --recursive ${../tests/alerts} tests/alerts
    promtool test rules tests/alerts/*.yml
    touch "$out"
  '';

  nix-lint =
    pkgs.runCommand "nix-lint"
      {
        nativeBuildInputs = [
          pkgs.deadnix
          pkgs.nixfmt
          pkgs.shellcheck
          pkgs.statix
        ];
        src = lib.fileset.toSource {
          root = ../.;
          fileset = lib.fileset.unions [
            ../cloud
            ../flake.nix
            ../nixos
            ../statix.toml
            ../tests/vm
          ];
        };
      }
      ''
        cd "$src"
        find . -name '*.nix' -exec nixfmt --check {} +
        statix check .
        deadnix --fail .
        shellcheck nixos/*.sh cloud/*.sh
        touch "$out"
      '';
}
// lib.optionalAttrs (system == "x86_64-linux") {
  environments-parity = claim "environments-parity" (
    (import ./environments-checks.nix { inherit lib self systems; }).checks
  );
  balancer-module = claim "balancer-module" balancerClaims.machine;
  observability-module = claim "observability-module" observabilityClaims.machine;
  log-modules = claim "log-modules" (import ./log-checks.nix { inherit pkgs self; });
  sealed-refusals = claim "sealed-refusals" sealedClaims.refusals;
  sealed-module = claim "sealed-module" sealedClaims.machine;
  variants-same = claim "variants-same" (
    import ./variants-checks.nix { inherit appliance lib sealed; }
  );
  appliance-module = claim "appliance-module" applianceClaims.machine;
  images-module = claim "images-module" (
    import ./image-checks.nix {
      inherit appliance lib;
      inherit (systems) variants;
    }
  );

  # Two builds of one version have the same root hash, which is every machine's proof of what it runs. Nothing
  # reads what tells them apart.
  sealed-reproducible =
    pkgs.runCommand "sealed-reproducible"
      (
        let
          inherit (sealed.config.system.build) intermediateImage;
        in
        {
          first = intermediateImage;
          second = intermediateImage.overrideAttrs { uechoBuiltAgain = true; };
        }
      )
      ''
        cmp "$first/repart-output.json" "$second/repart-output.json"
        for artifact in "$first"/*.store.raw "$first"/*.verity.raw; do
          cmp "$artifact" "$second/$(basename "$artifact")"
        done
        touch "$out"
      '';

  # The bills of materials list each path of the closure and each crate of the programs, and nothing else.
  sbom-complete = self.packages.${system}.sbom.tests.complete;
  sbom-crates-complete = self.packages.${system}.sbom-crates.tests.complete;

  appliance-size =
    pkgs.runCommand "appliance-size"
      {
        closure = pkgs.closureInfo { rootPaths = [ appliance.config.system.build.toplevel ]; };
        image = self.packages.x86_64-linux.image;
      }
      ''
        bytes=$(<"$closure/total-nar-size")
        echo "closure: $((bytes / 1000000)) MB of ${toString megabytes} MB"
        for file in "$image"/*.img; do
          size=$(stat --format=%s "$file") used=$(du --block-size=1M "$file" | cut --fields=1)
          echo "image: $((size / 1000000)) MB, of which $used MiB are used"
        done
        [ "$bytes" -le ${toString megabytes}000000 ] || {
          echo "The closure is larger than it may be. What is in it, largest last:"
          sort "$closure/store-paths" | xargs du --summarize --block-size=1M |
            sort --numeric-sort | tail --lines=30
          exit 1
        }
        touch "$out"
      '';
}
