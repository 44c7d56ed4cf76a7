#!/usr/bin/env bash
# Compares a bill of materials with what it has to list: the references of its components with the lines of a
# file, in both directions. usage: sbom-check.sh BILL LIST
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jq --raw-output '.components[]."bom-ref"' "$1" | LC_ALL=C sort >"$work/listed"
LC_ALL=C sort -u "$2" >"$work/there"
[ -s "$work/there" ] || {
  echo "sbom-check: $2 is empty: there is nothing to compare with" >&2
  exit 1
}
if ! differences=$(diff "$work/listed" "$work/there"); then
  sed -n -e 's/^< /listed, but not there: /p' -e 's/^> /there, but not listed: /p' <<<"$differences" >&2
  exit 1
fi
echo "sbom-check: $(wc -l <"$work/there") components, and all of them"
