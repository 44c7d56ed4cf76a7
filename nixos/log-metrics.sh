#!/usr/bin/env bash
# Tells in the text format of Prometheus how far the logs of this machine got.
set -euo pipefail
export LC_ALL=C

usage() {
  cat <<'USAGE'
uecho-log-metrics --to FILE [--sent RECEIVER=STATE]... [--archived STEP=FILE]...

  --to FILE              where the metrics go
  --sent RECEIVER=STATE  the file in which systemd-journal-upload remembers what RECEIVER has
  --archived STEP=FILE   a file that uecho-log-archive touches when STEP is done

Exit status: 0 done, 2 usage. What has never been sent or done has the time 0.
USAGE
}

usage_error() { echo "log-metrics: $*" >&2; usage >&2; exit 2; }

file='' sent=() archived=()
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || usage_error "$1 needs a value"
  case $1 in
    --to) file=$2 ;;
    --sent) [[ $2 =~ ^[a-z]+=/ ]] || usage_error "--sent $2 is not RECEIVER=/PATH"; sent+=("$2") ;;
    --archived) [[ $2 =~ ^[a-z]+=/ ]] || usage_error "--archived $2 is not STEP=/PATH"; archived+=("$2") ;;
    *) usage_error "no option $1" ;;
  esac
  shift 2
done
[ -n "$file" ] || usage_error "--to is missing: where the metrics go"

# position STATE: the time of the last entry that was confirmed, which is a part of its cursor.
position() {
  local cursor='' micros=0
  [ ! -e "$1" ] || cursor=$(sed -n 's/^LAST_CURSOR=//p' "$1")
  [[ ! $cursor =~ \;t=([0-9a-f]+)(\;|$) ]] || micros=$((16#${BASH_REMATCH[1]}))
  printf '%d.%06d' $((micros / 1000000)) $((micros % 1000000))
}

# touched FILE: when.
touched() { if [ -e "$1" ]; then stat --format=%Y "$1"; else echo 0; fi; }

# family NAME HELP LABEL FUNCTION NAME=FILE...
family() {
  local one
  [ $# -gt 4 ] || return 0
  printf '# HELP %s %s\n# TYPE %s gauge\n' "$1" "$2" "$1"
  for one in "${@:5}"; do
    printf '%s{%s="%s"} %s\n' "$1" "$3" "${one%%=*}" "$("$4" "${one#*=}")"
  done
}

{
  family uecho_log_upload_timestamp_seconds "Up to when a receiver has the journal of this machine" \
    receiver position "${sent[@]}"
  family uecho_log_archive_timestamp_seconds "When a step of the archive was last done to its end" \
    step touched "${archived[@]}"
} >"$file.new"
mv "$file.new" "$file"
