#!/usr/bin/env bash
# Deploys one version to one machine, and says what was proven: that the new version serves, or that the old
# one serves again. If the machine has a guard (uecho-guard), the guard gives the verdict; otherwise this
# script does, and switches back itself.
set -euo pipefail

usage() {
  cat <<'EOF'
uecho-deploy [OPTION]... HOST

Builds a system here, copies it to root@HOST over ssh, and switches to it. Then it waits for the verdict of
the machine's guard, and checks from here, through the public port of the machine, that the new version
serves. If the machine has no guard, this check is the verdict, and this script switches back from a version
that does not serve.

  --flake FLAKE#NAME   what to deploy: nixosConfigurations.NAME of FLAKE (default: .#appliance)
  --url URL            where the machine serves (default: http://HOST:8080)
  --wait SECONDS       how long a version may take until it serves, as seen from here (default: 60)
  --verdict SECONDS    how long the guard may take, a reboot included (default: 900)
  --override REASON    let it run even if the machine has quarantined it; who and why is recorded there
  --build-host HOST    evaluate here, but build on HOST; the result is not copied here
  --help               this text

HOST is a destination of ssh, with or without a user (default: root); an IPv6 address may be in brackets.
NIX_SSHOPTS has further options for ssh, which are split into words as Nix does it. ssh asks no questions
(BatchMode) and connects once.

Exit status:
  0   the new version serves; if there is a guard, the guard has blessed it
  1   the new version is unhealthy and still runs: the guard is configured to report only
  2   usage
  3   the new version does not serve; the old one is back and serves
  4   the new version does not serve, and that the old one serves is not proven: look at the machine
  5   the new version does not serve and still runs: the guard knows no version to go back to
  6   nothing was changed: the machine has quarantined the new version
  69  nothing was changed: the build, the copy or the question what the machine runs has failed
  75  no verdict in time: the guard may still be checking
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

# An IPv6 address has no brackets for ssh, but has them in a URL.
for name in host build_host; do
  declare "$name=$(sed -E 's/^(.*@)?\[(.*)\]$/\1\2/' <<<"${!name}")"
done
authority() { sed -E 's/^(.*@)?([^@]*:[^@]*)$/\1[\2]/' <<<"$1"; }
target=$(authority "$host") builder=${build_host:+ssh-ng://$(authority "$build_host")}
[ -n "$url" ] || url=http://${target##*@}:8080

# words TEXT: the words of TEXT, quoted for a shell. They are split as Nix does it: quotes and backslashes
# have their meaning, and nothing is expanded.
words() {
  jq --null-input --raw-output --arg text "$1" '
    def part: "\\\\(?:.|\n)|\u0027[^\u0027]*\u0027|\"(?:\\\\(?:.|\n)|[^\"\\\\])*\"|[^ \t\u0027\"\\\\]";
    def unquote:
      if startswith("\u0027") then .[1:-1]
      elif startswith("\"") then .[1:-1] | gsub("\\\\(?<c>[$`\"\\\\])"; .c)
      elif startswith("\\") then .[1:]
      else . end;
    if $text | gsub(part; "") | test("[^ \t]")
      then error("a quote is not closed, or a backslash is the last character")
      else . end
    | [$text | match("(?:\(part))+"; "g").string | [match(part; "g").string | unquote] | add] | @sh'
}

# All commands share one connection. It breaks if the machine reboots: ssh must notice that, and open another
# one.
control=$(mktemp --directory /tmp/uecho-deploy.XXXXXX)
trap 'rm -rf "$control"' EXIT
own=(-o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5)
own+=(-o ControlMaster=auto -o "ControlPath=$control/%C" -o ControlPersist=10m)
ssh_words=$(words "${NIX_SSHOPTS-}") || { say "NIX_SSHOPTS cannot be split into words"; exit 2; }
ssh_options=()
eval "ssh_options=($ssh_words)"
ssh_options+=("${own[@]}")
export NIX_SSHOPTS="${NIX_SSHOPTS-} ${own[*]}"
trap '
  for name in "$host" ${build_host:+"$build_host"}; do
    ssh "${ssh_options[@]}" -O exit "$name" 2>/dev/null || :
  done
  rm -rf "$control"
' EXIT

profile=/nix/var/nix/profiles/system
remote() {
  # The arguments are words for the remote shell.
  # shellcheck disable=SC2029
  ssh "${ssh_options[@]}" "$host" "$*"
}

# activate SYSTEM: the machine runs SYSTEM, and boots it from now on. A transient unit does it, so that a
# broken connection does not stop it half-way, and two deployments cannot run at once.
activate() {
  remote systemd-run --collect --no-ask-password --pipe --quiet --wait --unit=uecho-deploy \
    --setenv=PATH=/run/current-system/sw/bin /run/current-system/sw/bin/sh -c \
    "'nix-env --profile $profile --set $1 && $1/bin/switch-to-configuration switch'"
}

# serves EXPECTATION...: whether the machine, within --wait, serves what is expected three times in a row.
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
# guarded: whether a guard is active. A guard of a version that was just left may still be active, but its
# unit file is gone (LoadState). 255: the machine does not answer.
guarded() {
  local state
  state=$(remote systemctl show --property=LoadState,ActiveState uecho-guard.path) || return 255
  [ "$(sort <<<"$state")" = $'ActiveState=active\nLoadState=loaded' ]
}

# activation: how the guard names the last activation: the system, and since when the link points to it.
activation() {
  remote "echo \$(readlink --canonicalize /run/current-system)@\$(stat --format=%.9Z#%i /run/current-system)"
}

# judged: waits for a verdict on an activation that is newer than the switch, and sets verdict, version and
# reason. Fails with 1 if there is no guard, and with 2 if it takes too long. A machine that does not answer
# may be rebooting, so it is asked again.
verdict='' version='' reason=''
judged() {
  local end=$((SECONDS + patience)) state found
  while [ "$SECONDS" -lt "$end" ]; do
    state=0
    guarded || state=$?
    [ "$state" != 1 ] || return 1
    if [ "$state" = 0 ] && found=$(guard status --json |
      jq --exit-status --raw-output --arg before "$before" --arg known "$known" '
        .last_verdict | select(. != null and (.outcome | IN("rebooting", "failed") | not))
        | select(.activation != null and (.activation | IN($before, $known) | not))
        | "\(.code) \(.version) \(.text)"'); then
      read -r verdict version reason <<<"$found"
      return
    fi
    sleep 1
  done
  return 2
}

# identity LABEL SYSTEM: how the answers of the system name it: its label, and its hash in the store.
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
system=$(nix build ${builder:+--eval-store auto --store "$builder"} --no-link --print-out-paths \
  "$attribute.system.build.toplevel") || nothing_changed "It does not build."
revision=$(nix eval --raw "$attribute.services.uecho.package.revision") ||
  nothing_changed "It has no revision."
label=$(nix store cat ${builder:+--store "$builder"} "$system/nixos-version") ||
  nothing_changed "It has no label."
label=$(identity "$label" "$system")

say "asking $host what it runs"
old=$(remote readlink --canonicalize-existing /run/current-system) || nothing_changed "$host does not answer."
old_label=$(identity_of "$old") || nothing_changed "$host does not say what it runs."
before=$(activation) || nothing_changed "$host does not say what it runs."
had_guard=false known=''
if guarded; then
  had_guard=true
  known=$(guard status --json | jq --raw-output '.last_verdict.activation // ""') ||
    nothing_changed "The guard of $host does not answer."
  if [ -n "$override" ]; then
    guard preflight "$system" --override "$(printf %q "$override")" >&2 ||
      nothing_changed "The override could not be recorded."
  fi
  refused=0
  guard preflight "$system" >&2 || refused=$?
  if [ "$refused" = 6 ]; then
    say "$host has quarantined $label. Nothing was changed; --override \"WHY\" lets it run all the same."
    exit 6
  fi
fi

say "copying $label to $host, which runs $old_label"
# What was built just now is not signed. It need not be: whoever copies as root may do anything.
nix copy --no-check-sigs --substitute-on-destination \
  ${builder:+--from "$builder"} --to "ssh-ng://$target" "$system" ||
  nothing_changed "It could not be copied."

say "switching"
switched=0
activate "$system" || switched=$?

# A switch that was refused, or that failed early, has activated nothing for a guard to judge. 255: the
# connection broke, and the switch may go on.
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
    say "the guard of $host has given no verdict within $patience seconds"
    exit 75
    ;;
  0,0)
    [ "$switched" = 0 ] ||
      say "the switch ended with status $switched, see the journal of uecho-deploy.service"
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
    # A guard that came with the new version does not know that the old version was good.
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
