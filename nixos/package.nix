# The programs (service, guard, deployment): binaries, units, manual pages and shell completions.
{
  cargo-deny,
  clippy,
  installShellFiles,
  lib,
  rustPlatform,
  rustfmt,
  stdenv,
  util-linux,
  versionCheckHook,

  # Revision of the source, for the receipt. Checks leave it out, so that a commit alone rebuilds none of
  # them.
  revision ? "unknown",
}:
let
  workspace = (lib.importTOML ../Cargo.toml).workspace;
  service = (lib.importTOML ../src/service/Cargo.toml).package;
  inherit (lib) fileset;

  # What cargo reads. The rest of the tree (documentation, NixOS modules, VM tests) can change without a
  # rebuild.
  crates = fileset.unions [
    ../Cargo.lock
    ../Cargo.toml
    ../src
    ../examples
    # Cargo wants every target that a manifest names to exist, even if it does not build it.
    (fileset.difference (fileset.fileFilter (file: file.hasExt "rs") ../benches) ../benches/peers)
    ../tests/functional/guard.rs
    ../tests/functional/main.rs
  ];
  source =
    more:
    fileset.toSource {
      root = ../.;
      fileset = fileset.unions ([ crates ] ++ more);
    };
  runsHere = stdenv.buildPlatform.canExecute stdenv.hostPlatform;
in
rustPlatform.buildRustPackage (finalAttrs: {
  pname = service.name;
  inherit (workspace.package) version;

  src = source [ ../systemd ];
  cargoLock.lockFile = ../Cargo.lock;

  env.UECHO_REVISION = revision;

  # The example writes manual pages and completions from the same command line definitions as the programs.
  cargoBuildFlags = [
    "--workspace"
    "--bins"
  ]
  ++ lib.optionals runsHere [
    "--example"
    "generate-docs"
  ];

  # Tests are derivations of their own (passthru.tests): a machine that only needs the program does not wait
  # for them.
  doCheck = false;

  nativeBuildInputs = [ installShellFiles ];

  postInstall = ''
    shopt -s nullglob
    for unit in systemd/*.service systemd/*.socket systemd/*.path systemd/*.timer; do
      mkdir -p "$out/lib/systemd/system"
      substitute "$unit" "$out/lib/systemd/system/$(basename "$unit")" --subst-var-by bindir "$out/bin"
    done
    # Drop-ins that are not active by default: services.uecho.leaf installs one, those of the journal are for
    # units of systemd.
    install -Dm444 systemd/*.conf -t "$out/share/uecho"
    # Nor are these: where they are in force, systemd-sysupdate has something to do.
    install -Dm444 systemd/sysupdate.d/*.transfer -t "$out/share/uecho/sysupdate.d"
  ''
  + lib.optionalString runsHere ''
    "target/${stdenv.hostPlatform.rust.cargoShortTarget}/$cargoBuildType/examples/generate-docs" docs
    installManPage docs/man/man?/*
    for program in "$out"/bin/*; do
      name=$(basename "$program")
      installShellCompletion --cmd "$name" \
        --bash "docs/completions/$name.bash" \
        --fish "docs/completions/$name.fish" \
        --zsh "docs/completions/_$name"
    done
  '';

  doInstallCheck = true;
  nativeInstallCheckInputs = [ versionCheckHook ];
  versionCheckProgramArg = "--version";

  passthru = {
    inherit revision;
    tests = import ./package-checks.nix {
      inherit
        cargo-deny
        clippy
        lib
        rustfmt
        source
        util-linux
        ;
      package = finalAttrs.finalPackage;
    };
  };

  meta = {
    inherit (service) description;
    homepage = service.repository or null;
    license = [
      lib.licenses.asl20
      lib.licenses.mit
    ];
    mainProgram = "uecho";
    maintainers = [ ];
    platforms = lib.platforms.linux;
  };
})
