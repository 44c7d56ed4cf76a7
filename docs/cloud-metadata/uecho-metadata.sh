#!/bin/sh
# Takes the secrets of the service from the metadata of its cloud instance (EC2, IMDSv2), before it starts.
# The user data of the instance has a line NAME=VALUE for each: uecho.api.token, uecho.fanout.token. They go
# where uecho.service imports credentials from, in memory, for root alone. Without a token of the API this
# fails, and with it the service: it would be open.
set -eu
store=/run/credstore
metadata=http://169.254.169.254/latest

umask 077
mkdir -p "$store"
session=$(mktemp)
trap 'rm -f "$session"' EXIT
# The session is no argument: everybody can read those.
printf 'X-aws-ec2-metadata-token: ' >"$session"
curl --fail --silent --show-error --retry 5 --retry-delay 1 --retry-connrefused --connect-timeout 2 \
  --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$metadata/api/token" >>"$session"
curl --fail --silent --show-error --retry 5 --connect-timeout 2 --header @"$session" "$metadata/user-data" |
  while IFS='=' read -r name value || [ -n "$name" ]; do
    case $name in
      uecho.api.token | uecho.fanout.token) printf %s "$value" >"$store/$name" ;;
    esac
  done
[ -s "$store/uecho.api.token" ] || {
  echo "no line uecho.api.token=VALUE in the user data of this instance" >&2
  exit 1
}
