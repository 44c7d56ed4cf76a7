# Everything that the checks of the repository use.
{
  actionlint,
  cargo-deny,
  cargo-nextest,
  clippy,
  deadnix,
  mkShell,
  mypy,
  nixfmt,
  ruff,
  rust-analyzer,
  rustfmt,
  shellcheck,
  statix,
  uecho,
}:
mkShell {
  inputsFrom = [ uecho ];
  packages = [
    actionlint
    cargo-deny
    cargo-nextest
    clippy
    deadnix
    mypy
    nixfmt
    ruff
    rust-analyzer
    rustfmt
    shellcheck
    statix
  ];
}
