#!/usr/bin/env bash
# Brings the version of the launch template to all nodes, and waits for the verdict: OpenTofu does neither.
# usage: rollout.sh FILE, which has the output `rollout` of an environment's stack:
#   tofu output -json rollout >rollout.json
# Ends as uecho-deploy does: 0 when the new version serves, 3 when the old one is back, 4 when neither is
# certain, 69 when nothing was started, 75 when another rollout is under way or there is no verdict in time.
# Needs aws and jq. $ROLLOUT_SECONDS is how long it waits (7200), $ROLLOUT_INTERVAL how often it asks (15).
set -euo pipefail

[ $# = 1 ] || { echo "usage: $0 FILE" >&2; exit 2; }
request=$1
group=$(jq --exit-status --raw-output .AutoScalingGroupName "$request") || {
  echo "$request: it has no AutoScalingGroupName: is it the output \`rollout\`?" >&2
  exit 2
}

if ! started=$(
  aws autoscaling start-instance-refresh --cli-input-json "file://$request" --output json 2>&1
); then
  echo "$started" >&2
  case $started in
    *InstanceRefreshInProgress*)
      echo "$group: another rollout is under way" >&2
      exit 75
      ;;
  esac
  echo "$group: nothing was started" >&2
  exit 69
fi
id=$(jq --exit-status --raw-output .InstanceRefreshId <<<"$started")
echo "$group: $id, version $(jq --raw-output .DesiredConfiguration.LaunchTemplate.Version "$request")"

end=$((SECONDS + ${ROLLOUT_SECONDS:-7200}))
last=
while [ $SECONDS -lt "$end" ]; do
  # A question that fails is asked again: the rollout goes on meanwhile.
  refresh=$(
    aws autoscaling describe-instance-refreshes --auto-scaling-group-name "$group" \
      --instance-refresh-ids "$id" --output json | jq --compact-output '.InstanceRefreshes[0] // {}'
  ) || refresh={}
  status=$(jq --raw-output '.Status // "unknown"' <<<"$refresh")
  line="$status, $(jq --raw-output '"\(.PercentageComplete // 0) % \(.StatusReason // "")"' <<<"$refresh")"
  [ "$line" = "$last" ] || echo "$group: $line"
  last=$line
  case $status in
    Successful) exit 0 ;;
    RollbackSuccessful) exit 3 ;;
    Failed | RollbackFailed | Cancelled) exit 4 ;;
  esac
  sleep "${ROLLOUT_INTERVAL:-15}"
done
echo "$group: no verdict in time; the rollout goes on: aws autoscaling describe-instance-refreshes" >&2
exit 75
