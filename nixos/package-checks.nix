# Checks of the workspace, one derivation each (cargo-check.nix), with the files that each of them needs.
{
  cargo-deny,
  clippy,
  lib,
  package,
  rustfmt,
  source,
  util-linux,
}:
let
  cargoCheck = import ./cargo-check.nix { inherit lib package; };
  check =
    name:
    {
      command,
      files ? [ ],
      tools ? [ ],
    }:
    cargoCheck name {
      inherit command tools;
      src = source files;
    };

  everyTarget = [
    ../clippy.toml
    ../systemd
    ../tests/functional
  ];
in
lib.mapAttrs check {
  clippy = {
    command = "cargo clippy --offline --workspace --all-targets -- --deny warnings";
    files = everyTarget;
    tools = [ clippy ];
  };
  # Advisories need a database from the network, so .ci/deny checks them.
  deny = {
    command = "cargo deny --offline --workspace check bans licenses sources";
    files = [ ../deny.toml ];
    tools = [ cargo-deny ];
  };
  rustfmt = {
    command = "cargo fmt --all --check";
    files = everyTarget ++ [ ../rustfmt.toml ];
    tools = [ rustfmt ];
  };
  tests = {
    command = "cargo test --offline --workspace";
    # A test compares the table of settings with this file.
    files = everyTarget ++ [ ../docs/settings.md ];
    # The guard starts a download with its setpriv.
    tools = [ util-linux ];
  };
}
