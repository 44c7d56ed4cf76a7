#!/usr/bin/env bash
# Seals the journal files that nobody writes to any more into a chain of SHA-256 hashes, copies both to a
# bucket with Object Lock, and says what was changed since.
set -euo pipefail
export LC_ALL=C
shopt -s nullglob
umask 077

usage() {
  cat <<'EOF'
uecho-log-archive seal --logs DIR --chain DIR
uecho-log-archive upload --logs DIR --chain DIR --bucket URL [--region NAME] [--days DAYS] [--curl FILE]
uecho-log-archive verify --logs DIR --chain DIR [--head HASH] [--bucket URL [--region NAME] [--curl FILE]]

seal    adds to the chain each file of the journal that is full or was left behind by a crash; prints the head
upload  copies what is sealed to the bucket: it can then be neither changed nor deleted for so many days
verify  compares chain, files and bucket, and says which is the first that is not as it was sealed

  --logs DIR     where systemd-journal-remote writes
  --chain DIR    where the chain is: 00000001.json, 00000002.json, ...
  --bucket URL   https://HOST/BUCKET[/PREFIX], which has Object Lock; an upload to any other is refused there
  --region NAME  of the bucket (default: us-east-1)
  --days DAYS    how long the bucket keeps it whatever anybody says (default: 400)
  --curl FILE    a configuration of curl with the key of the bucket: user = "ACCESS-KEY:SECRET-KEY"
  --head HASH    a head that was printed once, and kept elsewhere: the chain has to contain it

An entry of the chain is {"sequence", "previous", "file", "size", "sha256"}: `previous` is the SHA-256 of the
entry before it (of the first: 64 zeros), and the head is that of the last.

Exit status:
  0   done; of verify: nothing was changed
  1   of verify: something was changed
  2   usage
  69  a file, a tool or the bucket does not do what is needed
  75  another one is sealing or uploading
EOF
}

say() { echo "log-archive: $*" >&2; }
usage_error() { say "$*"; exit 2; }
unavailable() { say "$*"; exit 69; }
changed() { say "$*"; exit 1; }

[ $# -gt 0 ] || { usage >&2; exit 2; }
command=$1
shift
case $command in
  seal | upload | verify) ;;
  --help) usage; exit 0 ;;
  *) say "no command $command"; usage >&2; exit 2 ;;
esac
logs='' chain='' bucket='' region=us-east-1 days=400 curl_config='' known_head=''
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || usage_error "$1 needs a value"
  case $1 in
    --logs) logs=$2 ;;
    --chain) chain=$2 ;;
    --bucket) bucket=${2%/} ;;
    --region) region=$2 ;;
    --days) days=$2 ;;
    --curl) curl_config=$2 ;;
    --head) known_head=$2 ;;
    *) say "no option $1"; usage >&2; exit 2 ;;
  esac
  shift 2
done
[ -d "$logs" ] || usage_error "--logs $logs is not a directory"
[ -n "$chain" ] || usage_error "--chain is missing: the directory of the chain"
[[ $bucket =~ ^(https?://[^/]+/.+)?$ ]] || usage_error "--bucket $bucket is not https://HOST/BUCKET[/PREFIX]"
[ -n "$bucket" ] || [ "$command" != upload ] || usage_error "upload needs --bucket"
[[ $days =~ ^[1-9][0-9]{0,4}$ ]] || usage_error "--days $days is not a number of days (1 to 99999)"
[ -z "$curl_config" ] || [ -r "$curl_config" ] || usage_error "--curl $curl_config cannot be read"
[[ $known_head =~ ^([0-9a-f]{64})?$ ]] || usage_error "--head $known_head is not a SHA-256 in hexadecimal"
if [ "$command" = verify ]; then
  [ -d "$chain" ] || usage_error "--chain $chain is not a directory"
else
  mkdir -p "$chain"
  exec 9>"$chain/.lock"
  flock --nonblock 9 || { say "another one is at work in $chain"; exit 75; }
fi

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
zeros=$(printf '0%.0s' {1..64})
nothing=$(sha256sum </dev/null)
nothing=${nothing%% *}

sha256() { # FILE
  local sum
  sum=$(sha256sum <"$1") || unavailable "$1 cannot be read"
  echo "${sum%% *}"
}

entry_name() { printf '%08d.json' "$1"; }

# field NAME FILE: of an entry; fails if that is no entry.
field() { jq --exit-status --raw-output ".$1 | select(. != null)" "$2" 2>/dev/null; }

seal() {
  local count=0 head=$zeros entry path file size sum
  declare -A known=()
  for entry in "$chain"/*.json; do
    file=$(field file "$entry") || unavailable "$entry is not an entry of the chain: verify says more"
    known[$file]=1
    count=$((count + 1)) head=$(sha256 "$entry")
  done
  for path in "$logs"/*@*.journal "$logs"/*@*.journal~; do
    file=${path##*/}
    [ -z "${known[$file]:-}" ] || continue
    size=$(stat --format=%s "$path") sum=$(sha256 "$path")
    entry=$chain/$(entry_name $((count + 1)))
    [ ! -e "$entry" ] || unavailable "$entry exists, but an entry before it does not: verify says more"
    jq --null-input --compact-output --arg file "$file" --arg previous "$head" --arg sha256 "$sum" \
      --argjson sequence "$((count + 1))" --argjson size "$size" \
      '{$sequence, $previous, $file, $size, $sha256}' >"$chain/.new"
    # The entry is on the disk under its name, or not there at all.
    sync "$chain/.new"
    mv "$chain/.new" "$entry"
    count=$((count + 1)) head=$(sha256 "$entry")
    echo "sealed $file as $(entry_name "$count"), head $head"
  done
  # When that was is a metric.
  touch "$chain/.sealed"
  echo "$count entries, head $head"
}

# request KEY SHA256 OPTION...: sends what has this hash to the bucket, or nothing; prints the status, and
# leaves the answer in $answer.
request() {
  curl --silent --show-error --max-time 600 ${curl_config:+--config "$curl_config"} \
    --aws-sigv4 "aws:amz:$region:s3" --header "x-amz-content-sha256: $2" --output "$answer" \
    --write-out '%{http_code}' "${@:3}" "$bucket/$1" || unavailable "$bucket/$1: no answer"
}

error_code() { sed -n 's:.*<Code>\([^<]*\)</Code>.*:\1:p' "$answer"; }

base64_of() { # HEX
  tr a-f A-F <<<"$1" | basenc --base16 --decode | base64 --wrap=0
}

put() { # FILE KEY SHA256
  local status
  # The bucket refuses what has another hash, what it has already, and any lock if it has none to give.
  status=$(request "$2" "$3" --upload-file "$1" --header "If-None-Match: *" \
    --header "x-amz-sdk-checksum-algorithm: SHA256" \
    --header "x-amz-checksum-sha256: $(base64_of "$3")" --header "x-amz-object-lock-mode: COMPLIANCE" \
    --header "x-amz-object-lock-retain-until-date: $until")
  case $status in
    200) ;;
    # Sent before, and the answer was lost; or somebody else has sent it, which verify finds.
    412) say "$2 is in the bucket already" ;;
    *) unavailable "$bucket/$2 was refused: $status $(error_code)" ;;
  esac
}

upload() {
  local entry name file sum until sent=0 done=''
  until=$(date --utc --date="+$days days" +%Y-%m-%dT%H:%M:%SZ)
  [ ! -e "$chain/.uploaded" ] || done=$(<"$chain/.uploaded")
  for entry in "$chain"/*.json; do
    name=${entry##*/}
    [[ $name > $done ]] || continue
    if ! { file=$(field file "$entry") && sum=$(field sha256 "$entry"); }; then
      unavailable "$entry is not an entry of the chain: verify says more"
    fi
    [ -e "$logs/$file" ] || unavailable "missing: $file ($name), which was not in the bucket yet"
    [ "$(sha256 "$logs/$file")" = "$sum" ] || unavailable "altered: $file ($name); the bucket does not get it"
    put "$logs/$file" "files/$sum.journal" "$sum"
    # Last: an entry in the bucket means that its file is there.
    put "$entry" "chain/$name" "$(sha256 "$entry")"
    echo "$name" >"$chain/.uploaded.new"
    mv "$chain/.uploaded.new" "$chain/.uploaded"
    sent=$((sent + 1))
  done
  touch "$chain/.uploaded"
  echo "$sent entries and their files uploaded, kept until $until"
}

# in_bucket ENTRY NAME: is it, and is it the same?
in_bucket() {
  local status
  status=$(request "chain/$2" "$nothing")
  case $status in
    200) cmp --quiet "$answer" "$1" || changed "altered: $2 is not the one in the bucket" ;;
    404) changed "missing: $2 is not in the bucket (is it uploaded?)" ;;
    *) unavailable "$bucket/chain/$2: $status $(error_code)" ;;
  esac
}

# file_in_bucket FILE SHA256: has the bucket the file with this hash?
file_in_bucket() {
  local status
  status=$(request "files/$2.journal" "$nothing")
  case $status in
    200) [ "$(sha256 "$answer")" = "$2" ] || changed "altered: $1 in the bucket" ;;
    404) return 1 ;;
    *) unavailable "$bucket/files/$2.journal: $status $(error_code)" ;;
  esac
}

verify() {
  local count=0 only=0 head=$zeros seen=$zeros entry name file size sum status
  for entry in "$chain"/*.json; do
    count=$((count + 1)) name=${entry##*/}
    [ "$name" = "$(entry_name "$count")" ] || changed "missing: $(entry_name "$count")"
    [ -z "$bucket" ] || in_bucket "$entry" "$name"
    if ! { file=$(field file "$entry") && size=$(field size "$entry") && sum=$(field sha256 "$entry"); }; then
      changed "altered: $name is not an entry"
    fi
    [ "$(field sequence "$entry")" = "$count" ] || changed "reordered: $name says that it is another entry"
    [ "$(field previous "$entry")" = "$head" ] ||
      changed "altered: $(entry_name $((count > 1 ? count - 1 : 1))) is not what the chain goes on from"
    if [ -e "$logs/$file" ]; then
      [ "$(stat --format=%s "$logs/$file") $(sha256 "$logs/$file")" = "$size $sum" ] ||
        changed "altered: $file ($name)"
    elif [ -n "$bucket" ] && file_in_bucket "$file" "$sum"; then
      only=$((only + 1))
    else
      changed "missing: $file ($name)"
    fi
    head=$(sha256 "$entry")
    [ "$head" != "$known_head" ] || seen=$known_head
  done
  [ -z "$known_head" ] || [ "$seen" = "$known_head" ] ||
    changed "missing: the chain ends with $(entry_name "$count") and does not have the head $known_head"
  if [ -n "$bucket" ]; then
    name=$(entry_name $((count + 1)))
    status=$(request "chain/$name" "$nothing")
    case $status in
      404) ;;
      200) changed "missing: $name is in the bucket" ;;
      *) unavailable "$bucket/chain/$name: $status $(error_code)" ;;
    esac
  fi
  echo "$count entries as they were sealed, $only of the files in the bucket only, head $head"
}

"$command"
