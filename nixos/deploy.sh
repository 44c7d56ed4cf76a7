#!/usr/bin/env bash
# Deploys one version to one machine, and says what it proved: that the new version serves, or that the old
# one does again. Where the machine has a guard (uecho-guard), the verdict is the guard's; elsewhere this
# script judges, and goes back itself.
set -euo pipefail

usage() {
  cat <<'EOF'
uecho-deploy [OPTION]... HOST

Builds a system here, copies it to root@HOST over ssh, and switches to it. Then waits for the verdict of the machine's guard, and
asks the machine from here, through its public port, whether it serves what it should. Where there is no guard, the answers from
here are the verdict, and a version that does not serve is switched back from here.

  --flake FLAKE#NAME   what to deploy: nixosConfigurations.NAME of FLAKE (default: .#appliance)
  --url URL            where the machine serves (default: http://HOST:8080)
  --wait SECONDS       how long a version may take until it serves, as seen from here (default: 60)
  --verdict SECONDS    how long the guard may take, a reboot included (default: 900)
  --override REASON    let it run even if the machine has it in quarantine; who and why is recorded there
  --build-host HOST    evaluate here, but build over there; nothing of it is kept here
  --help               this text

HOST is what ssh is given, with or without a user (default: root); an IPv6 address may be in brackets. NIX_SSHOPTS holds further
options of ssh, split as Nix does it. ssh asks nothing (BatchMode) and connects once.

Exit status:
  0   the new version serves; where there is a guard, it has blessed it
  1   the new version is unhealthy, and the guard is set to report only: it was left running
  2   usage
  3   the new version does not serve; the old one is back and serves
  4   the new version does not serve, and the old one does not either, or cannot be proven to: look at the machine
  5   the new version does not serve, and the guard knows of nothing to go back to: it was left running
  6   refused, nothing was changed: the machine has it in quarantine
  69  nothing was changed: it could not be built, copied, or the machine not be asked what it runs
  75  no verdict in time: the guard may still be at work
EOF
}

say() { echo "deploy: $*" >&2; }
nothing_changed() {
  say "$* Nothing was changed."
  exit 69
}

flake=.#appliance url='' seconds=60 patience=900 override='' build_host='' host=''
while [ $# -gt 0 ]; do
  case $1 in
    --flake | --url | --wait | --verdict | --override | --build-host)
      [ $# -ge 2 ] || { say "$1 needs a value"; exit 2; }
      case $1 in
        --flake) flake=$2 ;;
        --url) url=$2 ;;
        --wait) seconds=$2 ;;
        --verdict) patience=$2 ;;
        --override) override=$2 ;;
        --build-host) build_host=$2 ;;
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
[[ $patience =~ ^[1-9][0-9]*$ ]] || { say "--verdict $patience is not a number of seconds"; exit 2; }
[[ $flake == *#* ]] || { say "--flake $flake names no system; write it like .#appliance"; exit 2; }
[[ $host == *@* ]] || host=root@$host

# What ssh is given has no brackets; in a URL an IPv6 address has some.
for name in host build_host; do
  declare "$name=$(sed -E 's/^(.*@)?\[(.*)\]$/\1\2/' <<<"${!name}")"
done
authority() { sed -E 's/^(.*@)?([^@]*:[^@]*)$/\1[\2]/' <<<"$1"; }
target=$(authority "$host") builder=${build_host:+ssh-ng://$(authority "$build_host")}
[ -n "$url" ] || url=http://${target##*@}:8080

# words TEXT: its words as Nix splits them, for a shell: quotes and backslashes count, and nothing is
# expanded.
words() {
  jq --null-input --raw-output --arg text "$1" '
    def part: "\\\\(?:.|\n)|\u0027[^\u0027]*\u0027|\"(?:\\\\(?:.|\n)|[^\"\\\\])*\"|[^ \t\u0027\"\\\\]";
    def unquote:
      if startswith("\u0027") then .[1:-1]
      elif startswith("\"") then .[1:-1] | gsub("\\\\(?<c>[$`\"\\\\])"; .c)
      elif startswith("\\") then .[1:]
      else . end;
    if $text | gsub(part; "") | test("[^ \t]") then error("a quote or a backslash at its end has nothing to go with") else . end
    | [$text | match("(?:\(part))+"; "g").string | [match(part; "g").string | unquote] | add] | @sh'
}

# One connection for all of it. It may break when the machine reboots; then there is another one, and it must
# not hang meanwhile.
control=$(mktemp --directory /tmp/uecho-deploy.XXXXXX)
trap 'rm -rf "$control"' EXIT
own=(-o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5)
own+=(-o ControlMaster=auto -o "ControlPath=$control/%C" -o ControlPersist=10m)
ssh_words=$(words "${NIX_SSHOPTS-}") || { say "NIX_SSHOPTS cannot be split into words"; exit 2; }
ssh_options=()
eval "ssh_options=($ssh_words)"
ssh_options+=("${own[@]}")
export NIX_SSHOPTS="${NIX_SSHOPTS-} ${own[*]}"
trap 'for name in "$host" ${build_host:+"$build_host"}; do ssh "${ssh_options[@]}" -O exit "$name" 2>/dev/null || :; done; rm -rf "$control"' EXIT

profile=/nix/var/nix/profiles/system
remote() {
  # The command is one for a shell over there.
  # shellcheck disable=SC2029
  ssh "${ssh_options[@]}" "$host" "$*"
}

# activate SYSTEM: make it what the machine runs and boots. In a unit of its own, so that a connection that
# breaks in the middle does not leave it half done, and two deploys at once do not meet.
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

guard() { remote /run/current-system/sw/bin/uecho-guard "$@"; }
# guarded: is a guard on? One of a version that was left a moment ago may still be there, without its files.
# 255: no telling.
guarded() {
  local state
  state=$(remote systemctl show --property=LoadState,ActiveState uecho-guard.path) || return 255
  [ "$(sort <<<"$state")" = $'ActiveState=active\nLoadState=loaded' ]
}

# The guard's name for what was activated last: the system, and since when the link leads to it.
activation() {
  remote "echo \$(readlink --canonicalize /run/current-system)@\$(stat --format=%.9Z#%i /run/current-system)"
}

# judged: waits for the verdict on something that was activated after the switch began, and sets verdict,
# version and reason. Fails with 1 when there is no guard to wait for, with 2 when it takes too long. A
# machine that does not answer may be rebooting.
verdict='' version='' reason=''
judged() {
  local end=$((SECONDS + patience)) state found
  while [ "$SECONDS" -lt "$end" ]; do
    state=0
    guarded || state=$?
    [ "$state" != 1 ] || return 1
    if [ "$state" = 0 ] && found=$(guard status --json | jq --exit-status --raw-output --arg before "$before" --arg known "$known" '
      .last_verdict | select(. != null and (.outcome | IN("rebooting", "failed") | not))
      | select(.activation != null and (.activation | IN($before, $known) | not)) | "\(.code) \(.version) \(.text)"'); then
      read -r verdict version reason <<<"$found"
      return
    fi
    sleep 1
  done
  return 2
}

# identity LABEL SYSTEM: what the answers of the system say of it: its label, and its hash in the store.
identity() {
  local name=${2#/nix/store/}
  [ "$name" = "$2" ] || set -- "$1+${name%%-*}"
  echo "$1"
}
identity_of() {
  local label
  label=$(remote cat "$1/nixos-version") && identity "$label" "$1"
}

export NIX_CONFIG="extra-experimental-features = flakes nix-command${NIX_CONFIG:+$'\n'$NIX_CONFIG}"
attribute=${flake%%#*}#nixosConfigurations.${flake#*#}.config
say "building $flake"
system=$(nix build ${builder:+--eval-store auto --store "$builder"} --no-link --print-out-paths "$attribute.system.build.toplevel") ||
  nothing_changed "It does not build."
revision=$(nix eval --raw "$attribute.services.uecho.package.revision") || nothing_changed "It has no revision."
label=$(nix store cat ${builder:+--store "$builder"} "$system/nixos-version") || nothing_changed "It has no label."
label=$(identity "$label" "$system")

say "asking $host what it runs"
old=$(remote readlink --canonicalize-existing /run/current-system) || nothing_changed "$host does not answer."
old_label=$(identity_of "$old") || nothing_changed "$host does not say what it runs."
before=$(activation) || nothing_changed "$host does not say what it runs."
had_guard=false known=''
if guarded; then
  had_guard=true
  known=$(guard status --json | jq --raw-output '.last_verdict.activation // ""') || nothing_changed "The guard of $host does not answer."
  if [ -n "$override" ]; then
    guard preflight "$system" --override "$(printf %q "$override")" >&2 || nothing_changed "The override could not be recorded."
  fi
  refused=0
  guard preflight "$system" >&2 || refused=$?
  if [ "$refused" = 6 ]; then
    say "$host has found $label to be bad before; --override \"WHY\" lets it run all the same. Nothing was changed."
    exit 6
  fi
fi

say "copying $label to $host, which runs $old_label"
# Nobody has signed what was built just now, nor need they: who may copy as root may do anything.
nix copy --no-check-sigs --substitute-on-destination ${builder:+--from "$builder"} --to "ssh-ng://$target" "$system" ||
  nothing_changed "It could not be copied."

say "switching"
switched=0
activate "$system" || switched=$?

# A switch that was refused, or failed early, has activated nothing that a guard could look at.
waited=1
if [ "$switched" = 0 ] || [ "$switched" = 255 ] || [ "$(activation)" != "$before" ]; then
  say "waiting for the verdict of the guard, if there is one"
  waited=0
  judged || waited=$?
fi
new_serves() { serves --expect-revision "$revision" --expect-system "$label"; }
case $waited,$verdict in
  1,*)
    if [ "$switched" = 0 ] && new_serves; then
      say "$url serves $label (revision $revision)"
      exit 0
    fi
    ;;
  2,*)
    say "the guard of $host has come to no verdict in $patience seconds"
    exit 75
    ;;
  0,0)
    [ "$switched" = 0 ] || say "the switch ended with status $switched, see the journal of uecho-deploy.service"
    if [ "$version" != "$system" ]; then
      say "$host has been switched to $version meanwhile"
      exit 4
    fi
    if new_serves; then
      say "$url serves $label (revision $revision), and the guard has blessed it"
      exit 0
    fi
    switched=0
    ;;
  0,3)
    say "the guard has gone back: $reason"
    back_label=$(identity_of "$version") || back_label=$version
    if serves --expect-system "$back_label"; then
      say "$url serves $back_label again"
      exit 3
    fi
    exit 4
    ;;
  0,1 | 0,5)
    say "the guard of $host: $reason"
    # A guard that came with the new version cannot know that the old one was good enough.
    if [ "$verdict" = 1 ] || "$had_guard"; then exit "$verdict"; fi
    switched=0
    ;;
  *)
    say "the guard of $host: $reason"
    exit 4
    ;;
esac

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
