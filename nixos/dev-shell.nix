# A shell with the tools that the checks of the repository use.
{
  actionlint,
  cargo-deny,
  cargo-nextest,
  clippy,
  deadnix,
  jq,
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
    jq
    mypy
    nixfmt
    ruff
    rust-analyzer
    rustfmt
    shellcheck
    statix
  ];
}
