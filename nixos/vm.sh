#!/usr/bin/env bash
# Runs the machine that nixos/vm.nix made: $MACHINE is its start script, $PORT the port that it forwards to
# this host, and $IMAGE, if it has one, the disk that it starts from, grown to $SIZE.
set -euo pipefail
name=${0##*/}

usage() {
  cat <<EOF
$name [--state FILE]: boot the appliance in QEMU and serve it on http://127.0.0.1:$PORT

  --state FILE   keep what the machine writes in FILE, a disk image that is created if it does not exist;
                 without this option nothing is kept
  --help         this text
EOF
}

state=
while [ $# -gt 0 ]; do
  case $1 in
    --state)
      [ $# -ge 2 ] || { echo "$name: --state needs a file name" >&2; exit 2; }
      state=$(realpath --canonicalize-missing "$2")
      shift 2
      ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done

directory=$(mktemp --directory --tmpdir uecho-vm.XXXXXX)
trap 'rm -rf "$directory"' EXIT

cat <<EOF
Booting the appliance. Once it is up, in another terminal:
  curl http://127.0.0.1:$PORT/hello        the page
  curl http://127.0.0.1:$PORT/readyz       is it ready?
  curl -d hi http://127.0.0.1:$PORT/api/v1/echo
There is no login. To leave: Ctrl-A, then X.
EOF
if [ -n "$state" ]; then
  echo "What it writes is kept in $state."
else
  echo "Nothing that it writes is kept."
fi

cd "$directory"
disk=${state:-$directory/disk.qcow2}
if [ -n "${IMAGE-}" ] && [ ! -e "$disk" ]; then
  qemu-img create -q -f qcow2 -b "$IMAGE" -F raw "$disk" "$SIZE"
fi
NIX_DISK_IMAGE=$disk USE_TMPDIR=1 TMPDIR=$directory "$MACHINE"
