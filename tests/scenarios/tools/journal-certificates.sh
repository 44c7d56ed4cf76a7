#!/usr/bin/env bash
# journal-certificates.sh DIR NAME...: makes in DIR an authority, and for each NAME a key and a certificate by
# it, all for thirty days. Needs openssl 3.
set -euo pipefail

certificate() { # NAME OPTION...
  local told
  told=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
    -keyout "$1.key" -out "$1.cert" "${@:2}" 2>&1) || { echo "$told" >&2; exit 1; }
}

mkdir -p "$1"
cd "$1"
certificate ca
for name in "${@:2}"; do
  certificate "$name" -CA ca.cert -CAkey ca.key -addext "subjectAltName=DNS:$name" \
    -addext basicConstraints=CA:FALSE
done
