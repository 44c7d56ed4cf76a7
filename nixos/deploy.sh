#!/usr/bin/env bash
# Deploys one version to one machine, and says what it proved: that the new version serves, or that the old one does again.
set -euo pipefail

usage() {
  cat <<'EOF'
uecho-deploy [OPTION]... HOST

Builds a system here, copies it to root@HOST over ssh, switches to it, and asks the machine from here, through its public
port, whether the new version serves. If not, switches back and asks whether the old version serves again.

  --flake FLAKE#NAME   what to deploy: nixosConfigurations.NAME of FLAKE (default: .#appliance)
  --url URL            where the machine serves (default: http://HOST:8080)
  --wait SECONDS       how long the new version may take until it serves, and the old one after it (default: 60)
  --help               this text

HOST is what ssh is given, with or without a user (default: root). NIX_SSHOPTS holds further options of ssh.

Exit status:
  0  the new version serves
  2  usage
  3  the new version does not serve; the old one is back and serves
  4  the new version does not serve, and neither does the old one, or it could not be switched back: look at the machine
  5  nothing was changed: it could not be built, copied, or the machine not be asked what it runs
EOF
}

say() { echo "deploy: $*" >&2; }
nothing_changed() {
  say "$* Nothing was changed."
  exit 5
}

flake=.#appliance url='' seconds=60 host=''
while [ $# -gt 0 ]; do
  case $1 in
    --flake | --url | --wait)
      [ $# -ge 2 ] || { say "$1 needs a value"; exit 2; }
      case $1 in
        --flake) flake=$2 ;;
        --url) url=$2 ;;
        --wait) seconds=$2 ;;
      esac
      shift 2
      ;;
    --help) usage; exit 0 ;;
    -*) say "no option $1"; usage >&2; exit 2 ;;
    *)
      [ -z "$host" ] || { say "one host at a time: $host or $1?"; exit 2; }
      host=$1
      shift
      ;;
  esac
done
[ -n "$host" ] || { usage >&2; exit 2; }
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { say "--wait $seconds is not a number of seconds"; exit 2; }
[[ $flake == *#* ]] || { say "--flake $flake names no system; write it like .#appliance"; exit 2; }
[[ $host == *@* ]] || host=root@$host
[ -n "$url" ] || url=http://${host#*@}:8080

profile=/nix/var/nix/profiles/system
read -ra ssh_options <<<"${NIX_SSHOPTS-}"
remote() {
  # The command is one for a shell over there.
  # shellcheck disable=SC2029
  ssh "${ssh_options[@]}" "$host" "$*"
}

# activate SYSTEM: make it what the machine runs and boots. In a unit of its own, so that a connection that breaks in the
# middle does not leave it half done, and two deploys at once do not meet.
activate() {
  remote systemd-run --collect --no-ask-password --pipe --quiet --wait --unit=uecho-deploy \
    --setenv=PATH=/run/current-system/sw/bin /run/current-system/sw/bin/sh -c \
    "'nix-env --profile $profile --set $1 && $1/bin/switch-to-configuration switch'"
}

# serves EXPECTATION...: does the machine serve what is expected, within the time, three times in a row?
serves() {
  local end=$((SECONDS + seconds)) verdict
  while ! verdict=$(uecho probe --url "$url" --count 3 --interval 1s --timeout 5s "$@" 2>&1); do
    if [ "$SECONDS" -ge "$end" ]; then
      say "${verdict:-no verdict}"
      return 1
    fi
    sleep 1
  done
}

export NIX_CONFIG="extra-experimental-features = flakes nix-command${NIX_CONFIG:+$'\n'$NIX_CONFIG}"
attribute=${flake%%#*}#nixosConfigurations.${flake#*#}.config
say "building $flake"
system=$(nix build --no-link --print-out-paths "$attribute.system.build.toplevel") || nothing_changed "It does not build."
revision=$(nix eval --raw "$attribute.services.uecho.package.revision") || nothing_changed "It has no revision."
label=$(<"$system/nixos-version")

say "asking $host what it runs"
old=$(remote readlink --canonicalize-existing /run/current-system) || nothing_changed "$host does not answer."
old_label=$(remote cat "$old/nixos-version") || nothing_changed "$host does not say what it runs."

say "copying $label to $host, which runs $old_label"
NIX_SSHOPTS=${NIX_SSHOPTS-} nix copy --substitute-on-destination --to "ssh-ng://$host" "$system" ||
  nothing_changed "It could not be copied."

say "switching"
switched=0
activate "$system" || switched=$?
if [ "$switched" = 0 ] && serves --expect-revision "$revision" --expect-system "$label"; then
  say "$url serves $label (revision $revision)"
  exit 0
fi

if [ "$switched" = 0 ]; then
  say "the new version does not serve; switching back to $old_label"
else
  say "switching failed (status $switched); switching back to $old_label"
fi
back=0
activate "$old" || back=$?
if serves --expect-system "$old_label"; then
  if [ "$back" = 0 ]; then
    say "$url serves $old_label again"
    exit 3
  fi
  say "$url serves $old_label, but switching back failed (status $back): the machine may boot $label"
else
  say "$url does not serve $old_label either"
fi
exit 4
