#!/usr/bin/env bash
# Publishes a version of the sealed appliance: puts its payload into the directory of a web server and signs
# the list of everything that is there. Machines trust that list alone, so what it says is checked before it
# is signed, and it changes last.
set -euo pipefail
export LC_ALL=C
shopt -s nullglob
umask 022

usage() {
  cat <<'EOF'
uecho-publish --to DIR [OPTION]... [PAYLOAD]

Publishes the version in PAYLOAD (packages.update-sealed) in DIR, which a web server serves. Without PAYLOAD,
what is there is signed again, with a new date of expiry: machines refuse a list that is out of date.

  --to DIR            the directory that is served: one for each channel and architecture
  --key KEY           the OpenPGP key that signs, as gpg names it (default: the only secret key there is)
  --gnupg-home DIR    where gpg has its keys (default: as gpg)
  --best-before DAYS  machines may install from the list for so long, to midnight in UTC (default: 14)
  --secure-boot KEY CERT
                      sign the boot image for Secure Boot with these PEM files, before the list is made
  --help              this text

A version is published once, and only if it comes after all that were published here. To take an older version
off the server, remove its three files from DIR and sign again. The files of the newest version stay: they are
what the next one is compared with.

Exit status:
  0   published, or signed again
  2   usage
  6   refused: the version is published already, or one that is newer; nothing was changed
  69  nothing was changed: the payload, the key or what is in DIR is not as it should be
  75  nothing was changed: another one is publishing in DIR
EOF
}

say() { echo "publish: $*" >&2; }
usage_error() { say "$*"; exit 2; }
nothing_changed() { say "$*. Nothing was changed."; exit 69; }

to='' key='' gnupg_home='' days=14 secure_boot=() payload=''
while [ $# -gt 0 ]; do
  case $1 in
    --to | --key | --gnupg-home | --best-before)
      [ $# -ge 2 ] || usage_error "$1 needs a value"
      case $1 in
        --to) to=$2 ;;
        --key) key=$2 ;;
        --gnupg-home) gnupg_home=$2 ;;
        --best-before) days=$2 ;;
      esac
      shift 2
      ;;
    --secure-boot)
      [ $# -ge 3 ] || usage_error "$1 needs a key and a certificate"
      secure_boot=("$2" "$3")
      shift 3
      ;;
    --help) usage; exit 0 ;;
    -*) say "no option $1"; usage >&2; exit 2 ;;
    *)
      [ -z "$payload" ] || usage_error "one payload at a time: $payload or $1?"
      payload=${1%/}
      shift
      ;;
  esac
done
[ -n "$to" ] || { usage >&2; exit 2; }
[[ $days =~ ^[1-9][0-9]{0,3}$ ]] || usage_error "--best-before $days is not a number of days (1 to 9999)"
[ -d "$to" ] || usage_error "--to $to is not a directory; make it first"
[ -z "$gnupg_home" ] || [ -d "$gnupg_home" ] || usage_error "--gnupg-home $gnupg_home is not a directory"
[ -z "$payload" ] || [ -d "$payload" ] || usage_error "$payload is not a directory"
for file in ${secure_boot[@]+"${secure_boot[@]}"}; do
  [ -r "$file" ] || usage_error "--secure-boot $file cannot be read"
done
[ ${#secure_boot[@]} = 0 ] || [ -n "$payload" ] || usage_error "--secure-boot needs a PAYLOAD to sign"

gpg=(gpg --batch --quiet)
[ -z "$gnupg_home" ] || gpg+=(--homedir "$gnupg_home")
# secret_keys [KEY]: the fingerprints of those that gpg has, or of this one.
secret_keys() {
  "${gpg[@]}" --with-colons --list-secret-keys "$@" 2>/dev/null |
    sed -n '/^sec:/,/^fpr:/s/^fpr:*\([0-9A-F]*\):$/\1/p'
}

keys=$(secret_keys ${key:+"$key"}) || keys=''
case $(wc --words <<<"$keys") in
  1) key=$keys ;;
  0) nothing_changed "gpg has no secret key${key:+ $key}${gnupg_home:+ in $gnupg_home}" ;;
  *) nothing_changed "Which key is to sign? --key names one of ${keys//$'\n'/ }" ;;
esac

# signed DIR: is the list in it signed with a key that is ours? One of somebody else in the ring does not
# count.
signed() {
  local signer
  signer=$("${gpg[@]}" --status-fd 1 --verify "$1/SHA256SUMS.gpg" "$1/SHA256SUMS" 2>/dev/null |
    sed -n 's/^\[GNUPG:\] VALIDSIG \([0-9A-F]*\) .*/\1/p') || return
  [ -n "$signer" ] && [ -n "$(secret_keys "$signer")" ]
}

# Everything is made in here, on the same file system as what is served.
stage=$to/.publish

# commit: moves what is in the stage to where it is served. Can be cut off anywhere and repeated.
commit() {
  local file
  for file in "$stage"/*; do
    case ${file##*/} in SHA256SUMS | SHA256SUMS.gpg) ;; *) mv --force "$file" "$to/" ;; esac
  done
  # The list comes after what it lists. Between these two a machine finds a signature that is not of this
  # list, and tries again later.
  for file in SHA256SUMS.gpg SHA256SUMS; do
    cp "$stage/$file" "$stage/.$file"
    sync "$stage/.$file"
    mv --force "$stage/.$file" "$to/$file"
  done
  rm --recursive --force "$stage"
  for file in "$to"/BEST-BEFORE-*; do
    listed "$to/SHA256SUMS" | grep --fixed-strings --line-regexp "${file##*/}" >/dev/null ||
      rm --force "$file"
  done
}

# listed FILE: the names in a list, one a line.
listed() { sed 's/^[0-9a-f]\{64\} [ *]//' "$1"; }

exec 9<"$to"
flock --nonblock 9 || { say "another one is publishing in $to. Nothing was changed."; exit 75; }
if signed "$stage"; then
  say "finishing what was cut off in $to"
  commit
fi
rm --recursive --force "$stage"

# What is there already: nobody but us may have written it, and nothing of it may have changed since.
newest='' kept=''
if [ -e "$to/SHA256SUMS" ]; then
  signed "$to" || nothing_changed "$to/SHA256SUMS is not signed with a key of ours: who wrote it?"
  while read -r name; do
    [[ $name =~ ^uecho_([^_]+)\.efi$ ]] || continue
    version=${BASH_REMATCH[1]}
    if [ -z "$newest" ] || systemd-analyze compare-versions "$version" gt "$newest"; then newest=$version; fi
  done < <(listed "$to/SHA256SUMS")
  while read -r hash name; do
    version=${name#uecho_} version=${version%.efi} version=${version%%_*}
    case $name in
      BEST-BEFORE-*) continue ;;
      *) [[ $name == uecho_* ]] || nothing_changed "$to/SHA256SUMS lists $name, which is of no version" ;;
    esac
    if [ ! -e "$to/$name" ]; then
      # All of an older version may go, but not a part of it.
      if [ "$version" = "$newest" ] || compgen -G "$to/uecho_${version}[_.]*" >/dev/null; then
        nothing_changed "$to/$name is missing; put it back"
      fi
      continue
    fi
    [ "$(sha256sum <"$to/$name")" = "$hash  -" ] ||
      nothing_changed "$to/$name is not what was published (SHA-256); put it back"
    kept+="$hash  $name"$'\n'
  done <"$to/SHA256SUMS"
fi

mkdir "$stage"
trap 'rm --recursive --force "$stage"' EXIT
printf %s "$kept" >"$stage/SHA256SUMS"

if [ -n "$payload" ]; then
  version='' store='' verity='' uki=''
  names='uecho_VERSION.efi, uecho_VERSION_UUID.store.zst, uecho_VERSION_UUID.verity.zst'
  for file in "$payload"/*; do
    name=${file##*/}
    uuid='[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}'
    if [[ ! -f $file || ! $name =~ ^uecho_([^_]*)(_($uuid)\.(store|verity)\.zst|\.efi)$ ]]; then
      nothing_changed "$file is not called as a file of a payload: $names"
    fi
    its=${BASH_REMATCH[1]} kind=${BASH_REMATCH[4]:-efi} id=${BASH_REMATCH[3]//-/}
    if [[ ! $its =~ ^[a-z0-9][a-z0-9.~^-]{0,22}$ ]]; then
      nothing_changed "$file: version $its: at most 23 of a-z 0-9 . ~ ^ -, first a letter or a digit"
    fi
    if [ -n "$version" ] && [ "$version" != "$its" ]; then
      nothing_changed "$payload: versions $version and $its; publish one at a time"
    fi
    version=$its
    case $kind in
      efi) uki=$file ;;
      store) [ -z "$store" ] || nothing_changed "$payload has two stores"; store=$id ;;
      verity) [ -z "$verity" ] || nothing_changed "$payload has two hash trees"; verity=$id ;;
    esac
  done
  if [ -z "$uki" ] || [ -z "$store" ] || [ -z "$verity" ]; then
    nothing_changed "$payload is not complete: $names"
  fi
  if [ -n "$newest" ] && ! systemd-analyze compare-versions "$version" gt "$newest"; then
    say "$version is not newer than $newest, which is published in $to. Nothing was changed."
    exit 6
  fi

  # The boot image names the store that it starts by the root hash, and itself by its os-release.
  found() { grep --text --only-matching --extended-regexp "$1" "$uki" | sort --unique | tr -d '"'; }
  says=$(found 'usrhash=[0-9a-f]{64}') || says='no usrhash='
  [ "$says" = "usrhash=$store$verity" ] ||
    nothing_changed "$uki has $says, and the payload the store $store$verity"
  says=$(found 'IMAGE_VERSION="?[^"[:space:][:cntrl:]]+') || says='no IMAGE_VERSION='
  [ "$says" = "IMAGE_VERSION=$version" ] || nothing_changed "$uki has $says, and is called $version"

  for file in "$payload"/*; do install --mode=0644 "$file" "$stage/"; done
  if [ ${#secure_boot[@]} != 0 ]; then
    sb_key=${secure_boot[0]} sb_cert=${secure_boot[1]}
    said=$(sbsign --key "$sb_key" --cert "$sb_cert" --output "$stage/${uki##*/}" "$uki" 2>&1) ||
      nothing_changed "$uki cannot be signed with $sb_key and $sb_cert: ${said##*$'\n'}"
  fi
  (cd "$stage" && sha256sum -- uecho_*) >"$stage/.new"
  cat "$stage/.new" >>"$stage/SHA256SUMS"
  rm "$stage/.new"
fi
[ -s "$stage/SHA256SUMS" ] || nothing_changed "$to has nothing to sign; publish a payload first"

best_before=BEST-BEFORE-$(date --utc --date="+$days days" +%F)
: >"$stage/$best_before"
(cd "$stage" && sha256sum -- "$best_before") >>"$stage/SHA256SUMS"
said=$("${gpg[@]}" --local-user "$key" --detach-sign --output "$stage/.signature" "$stage/SHA256SUMS" 2>&1) ||
  nothing_changed "gpg cannot sign with $key: ${said##*$'\n'}"
sync "$stage"/*
# With its signature the stage is complete: from here on it is finished, by the next one if need be.
trap - EXIT
mv "$stage/.signature" "$stage/SHA256SUMS.gpg"
commit
until="${best_before#BEST-BEFORE-} 00:00 UTC"
say "${payload:+$version is published; }$to is signed with $key, and good until $until"
