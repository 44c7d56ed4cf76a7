#!/usr/bin/env bash
# Prints what cargo says, by Cargo.lock, that the programs of a workspace are built from on this platform: one
# package URL in a line. As for cargo-auditable, features are those that all targets together ask for: a crate
# that another one needs for a feature that only a test asks for, is among them.
set -euo pipefail
host=$(rustc --version --verbose | sed -n 's/^host: //p')
cargo metadata --locked --format-version 1 --filter-platform "$host" | jq --raw-output '
  (.resolve.nodes | map({
    key: .id, value: [.deps[] | select(any(.dep_kinds[]; .kind != "dev")) | .pkg]
  }) | from_entries) as $needs
  | def closure: . as $have
      | ($have + [$have[] | $needs[.][]] | unique) as $more
      | if $more == $have then $have else $more | closure end;
  (.workspace_members | unique | closure) as $programs
  | [.packages[] | select(.id | IN($programs[])) | "pkg:cargo/\(.name)@\(.version | @uri)"]
  | unique[]'
