"""What the stacks of cloud/ promise, each promise a function that yields what breaks it.

They read the rendered JSON and know nothing of the Nix behind it. test_cloud.py runs them, and shows of each
that it fails when what it is about is broken (mutants.json).
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Stack = dict[str, Any]
Stacks = dict[str, Stack]
Policy = Callable[[Stacks], Iterator[str]]

ENVIRONMENTS = ("dev", "qa", "prod")
ANYWHERE = ("0.0.0.0/0", "::/0")
# As long as the program works on a request, and keeps an idle connection, in seconds.
HANDLER, IDLE = 10, 30
DELETES = {"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteBucket", "s3:BypassGovernanceRetention"}
# A resource or a variable that something refers to.
REFERENCE = re.compile(r"(?<![\w.])(?:aws_\w+\.\w+|var\.\w+)")
POLICIES: dict[str, Policy] = {}


def policy(function: Policy) -> Policy:
    POLICIES[function.__name__] = function
    return function


def resources(stack: Stack, kind: str) -> dict[str, Any]:
    """By name; a stack that has none of them breaks a promise, too."""
    found: dict[str, Any] = stack["resource"].get(kind, {})
    return found


def one(stack: Stack, kind: str, name: str) -> Any:
    return stack["resource"].get(kind, {}).get(name, {})


def at(value: Any, *path: str | int) -> Any:
    """What is there, or None."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(document: Any, effect: str) -> list[dict[str, Any]]:
    """Of a policy document, which is JSON in a string."""
    return [s for s in json.loads(document or "{}").get("Statement", []) if s["Effect"] == effect]


def environments(stacks: Stacks) -> Iterator[tuple[str, Stack]]:
    yield from ((name, stacks[name]) for name in ENVIRONMENTS)


@policy
def account(stacks: Stacks) -> Iterator[str]:
    for name, stack in stacks.items():
        if at(stack, "provider", "aws", "allowed_account_ids") != ["${var.account}"]:
            yield f"{name}: it can be applied to any account"
        backend = at(stack, "terraform", "backend", "s3") or {}
        if not (backend.get("encrypt") and backend.get("use_lockfile") and name in backend.get("key", "")):
            yield f"{name}: its state is not encrypted, locked and its own"


@policy
def open_ports(stacks: Stacks) -> Iterator[str]:
    for name, stack in environments(stacks):
        for group, body in resources(stack, "aws_security_group").items():
            if "ingress" in body or "egress" in body:
                yield f"{name}: {group} has rules inside, which nobody looks at here"
        for kind in ("aws_security_group_rule", "aws_network_acl_rule"):
            if resources(stack, kind):
                yield f"{name}: it has {kind}, which nobody looks at here"
        rules = resources(stack, "aws_vpc_security_group_ingress_rule")
        for rule, body in rules.items():
            world = body.get("cidr_ipv4") in ANYWHERE or body.get("cidr_ipv6") in ANYWHERE
            ports = (body.get("from_port"), body.get("to_port"))
            balancer = body["security_group_id"] == "${aws_security_group.balancer.id}"
            if world and not (balancer and ports in ((80, 80), (443, 443))):
                yield f"{name}: {rule} opens {ports} to everybody"
            if not world and "referenced_security_group_id" not in body:
                yield f"{name}: {rule} is open to addresses instead of a group"
        for rule, body in resources(stack, "aws_vpc_security_group_egress_rule").items():
            if body.get("cidr_ipv4") in ANYWHERE or body.get("cidr_ipv6") in ANYWHERE:
                yield f"{name}: {rule} lets a machine talk to everybody"
        if "aws_default_security_group" not in stack["resource"]:
            yield f"{name}: machines that name no group have the network's own rules"


@policy
def no_public_address(stacks: Stacks) -> Iterator[str]:
    for name, stack in environments(stacks):
        for subnet, body in resources(stack, "aws_subnet").items():
            if body.get("map_public_ip_on_launch") is not False:
                yield f"{name}: machines in {subnet} get a public address"
        for zone in at(one(stack, "aws_autoscaling_group", "node"), "vpc_zone_identifier") or ["none"]:
            if "private" not in zone:
                yield f"{name}: nodes are in {zone}"


@policy
def zones(stacks: Stacks) -> Iterator[str]:
    for name, stack in environments(stacks):
        subnets = resources(stack, "aws_subnet")
        for kind in ("public", "private"):
            places = {body["availability_zone"] for key, body in subnets.items() if key.startswith(kind)}
            if len(places) < 3:
                yield f"{name}: {kind} subnets in {sorted(places)}"
        blocks = [body["cidr_block"] for body in subnets.values()]
        if len(set(blocks)) < len(blocks):
            yield f"{name}: two subnets have the same addresses"
        group = one(stack, "aws_autoscaling_group", "node")
        if not 3 <= group.get("min_size", 0) <= group.get("max_size", 0):
            yield f"{name}: {group.get('min_size')} to {group.get('max_size')} nodes"


@policy
def imds(stacks: Stacks) -> Iterator[str]:
    for name, stack in environments(stacks):
        options = at(one(stack, "aws_launch_template", "node"), "metadata_options") or {}
        if options.get("http_tokens") != "required" or options.get("http_put_response_hop_limit") != 1:
            yield f"{name}: nodes answer to IMDSv1, or to what is behind them: {options}"
        if one(stack, "aws_ami", "node").get("imds_support") != "v2.0":
            yield f"{name}: images allow IMDSv1"
    guardrails = one(stacks["organization"], "aws_organizations_policy", "guardrails").get("content")
    if not any(
        at(s, "Condition", "StringNotEquals", "ec2:MetadataHttpTokens") == "required"
        and "ec2:RunInstances" in listed(s["Action"])
        for s in statements(guardrails, "Deny")
    ):
        yield "organization: a machine may be started with IMDSv1"


@policy
def nothing_to_steal(stacks: Stacks) -> Iterator[str]:
    for name, stack in environments(stacks):
        template = one(stack, "aws_launch_template", "node")
        for argument in ("key_name", "user_data", "iam_instance_profile"):
            if argument in template:
                yield f"{name}: nodes have {argument}"
        disks = template.get("block_device_mappings") or [{}]
        if not all(at(disk, "ebs", "encrypted") for disk in disks):
            yield f"{name}: a disk of a node is not encrypted"
        if not one(stack, "aws_ebs_snapshot_import", "node").get("encrypted"):
            yield f"{name}: images are not encrypted"


@policy
def way_back(stacks: Stacks) -> Iterator[str]:
    """The version is a number, the image of the one before is kept, and the group is not changed first."""
    for name, stack in environments(stacks):
        group, number = one(stack, "aws_autoscaling_group", "node"), "aws_launch_template.node.latest_version"
        if at(group, "launch_template", "version") != f"${{{number}}}":
            yield f"{name}: the group's version is {at(group, 'launch_template', 'version')}"
        if "launch_template" not in (at(group, "lifecycle", "ignore_changes") or []):
            yield f"{name}: the group has the new version before its nodes, and a rollback finds that"
        if "instance_refresh" in group:
            yield f"{name}: OpenTofu starts a rollout of its own"
        wanted = at(stack, "output", "rollout", "value", "DesiredConfiguration", "LaunchTemplate", "Version")
        if wanted != f"${{tostring({number})}}":
            yield f"{name}: the rollout's version is {wanted}"
        for kind in ("aws_ebs_snapshot_import", "aws_ami"):
            if one(stack, kind, "node").get("for_each") != "${var.images}":
                yield f"{name}: {kind} is not kept for each release"
        image = one(stack, "aws_launch_template", "node").get("image_id")
        if image != "${aws_ami.node[var.release].id}":
            yield f"{name}: nodes have the image {image}"


@policy
def never_fewer(stacks: Stacks) -> Iterator[str]:
    for name, stack in environments(stacks):
        preferences = at(stack, "output", "rollout", "value", "Preferences") or {}
        maintenance = one(stack, "aws_autoscaling_group", "node").get("instance_maintenance_policy", {})
        for least, most in (
            (preferences.get("MinHealthyPercentage"), preferences.get("MaxHealthyPercentage")),
            (maintenance.get("min_healthy_percentage"), maintenance.get("max_healthy_percentage")),
        ):
            # The provider of the cloud allows no more than 100 percent between them.
            if not (least == 100 and most and 100 < most <= 200):
                yield f"{name}: {least} to {most} % of the nodes"


@policy
def canary(stacks: Stacks) -> Iterator[str]:
    for name, stack in environments(stacks):
        nodes = one(stack, "aws_autoscaling_group", "node").get("max_size", 1)
        preferences = at(stack, "output", "rollout", "value", "Preferences") or {}
        steps = preferences.get("CheckpointPercentages") or [100]
        if not (steps[0] - 100 / nodes < 1 and steps[-1] == 100 and steps == sorted(set(steps))):
            yield f"{name}: checkpoints at {steps} % of {nodes} nodes"
        if min(preferences.get("CheckpointDelay", 0), preferences.get("BakeTime", 0)) < 60:
            yield f"{name}: nobody looks before the others follow, or before it is over"
        if preferences.get("InstanceWarmup", 0) < 60:
            yield f"{name}: a node counts before its guard has judged"


@policy
def rollback(stacks: Stacks) -> Iterator[str]:
    for name, stack in environments(stacks):
        preferences = at(stack, "output", "rollout", "value", "Preferences") or {}
        if preferences.get("AutoRollback") is not True:
            yield f"{name}: a rollout that fails stays as it is"
        alarms = at(preferences, "AlarmSpecification", "Alarms") or []
        known = resources(stack, "aws_cloudwatch_metric_alarm")
        wanted = {f"${{aws_cloudwatch_metric_alarm.{alarm}.alarm_name}}" for alarm in known}
        if not alarms or set(alarms) != wanted:
            yield f"{name}: a rollout looks at {alarms}"
        errors = known.get("errors", {})
        metrics = {at(query, "metric", "metric_name") for query in errors.get("metric_query", [])}
        if not {"HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count", "RequestCount"} <= metrics:
            yield f"{name}: errors are counted by {metrics}"
        if not errors.get("threshold", 100) <= 1:
            yield f"{name}: more than 1 % of the answers may be errors"


@policy
def ready(stacks: Stacks) -> Iterator[str]:
    for name, stack in environments(stacks):
        target = one(stack, "aws_lb_target_group", "node")
        if (at(target, "health_check", "path"), at(target, "health_check", "matcher")) != ("/readyz", "200"):
            yield f"{name}: the balancer asks {target.get('health_check')}"
        if one(stack, "aws_autoscaling_group", "node").get("health_check_type") != "ELB":
            yield f"{name}: a node that is not ready is not replaced"
        if not HANDLER < target.get("deregistration_delay", 0) >= 30:
            yield f"{name}: a node that leaves cannot finish"
        if not HANDLER < one(stack, "aws_lb", "main").get("idle_timeout", 60) < IDLE:
            yield f"{name}: the balancer gives up before a node, or uses a connection that a node closes"


@policy
def tls(stacks: Stacks) -> Iterator[str]:
    for name, stack in environments(stacks):
        for listener, body in resources(stack, "aws_lb_listener").items():
            if body["protocol"] == "HTTP" and at(body, "default_action", "redirect", "protocol") != "HTTPS":
                yield f"{name}: {listener} serves without TLS"
            if body["protocol"] == "HTTPS" and "TLS13-1-2" not in body.get("ssl_policy", ""):
                yield f"{name}: {listener} has {body.get('ssl_policy')}"


@policy
def budget(stacks: Stacks) -> Iterator[str]:
    for name, stack in environments(stacks):
        monthly = one(stack, "aws_budgets_budget", "monthly")
        told = {
            at(notification, "threshold")
            for notification in monthly.get("notification", [])
            if notification["notification_type"] == "ACTUAL"
            and notification.get("subscriber_email_addresses")
        }
        if not {50, 80, 100} <= told or not float(monthly.get("limit_amount", 0)) > 0:
            yield f"{name}: somebody is told at {sorted(told)} % of {monthly.get('limit_amount')}"
        subscription = one(stack, "aws_ce_anomaly_subscription", "daily")
        monitor = "${aws_ce_anomaly_monitor.services.arn}"
        if not (
            one(stack, "aws_ce_anomaly_monitor", "services")
            and subscription.get("subscriber")
            and monitor in subscription.get("monitor_arn_list", [])
        ):
            yield f"{name}: nobody is told of unusual costs"


@policy
def parity(stacks: Stacks) -> Iterator[str]:
    """With the values of prod in them, the other environments are prod."""
    prod = stacks["prod"]
    may_differ = {
        "availability_zone", "budget", "cidr_block", "instance_type", "limit_amount", "max_size", "min_size",
        "values", "BakeTime", "CheckpointDelay", "CheckpointPercentages", "MaxHealthyPercentage",
        "max_healthy_percentage", "region",
    }  # fmt: skip

    def differ(path: str, mine: Any, theirs: Any, name: str) -> Iterator[str]:
        if isinstance(mine, dict) and isinstance(theirs, dict):
            for key in sorted(mine.keys() | theirs.keys()):
                if key not in may_differ:
                    yield from differ(f"{path}.{key}", mine.get(key), theirs.get(key), name)
        elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
            for index, (left, right) in enumerate(zip(mine, theirs, strict=True)):
                yield from differ(f"{path}[{index}]", left, right, name)
        elif mine != theirs and not (isinstance(mine, str) and mine.replace(name, "prod") == theirs):
            yield f"{name}: {path} is not that of prod"

    for name, stack in environments(stacks):
        yield from differ("", stack, prod, name)


@policy
def lock(stacks: Stacks) -> Iterator[str]:
    stack = stacks["archive"]
    if one(stack, "aws_s3_bucket", "archive").get("object_lock_enabled") is not True:
        yield "archive: no object lock"
    locked = one(stack, "aws_s3_bucket_object_lock_configuration", "archive")
    retention = at(locked, "rule", "default_retention") or {}
    if retention.get("mode") != "COMPLIANCE" or retention.get("days", 0) < 400:
        yield f"archive: logs are kept by {retention}"
    versioning = one(stack, "aws_s3_bucket_versioning", "archive")
    if at(versioning, "versioning_configuration", "status") != "Enabled":
        yield "archive: a log can be overwritten"
    for rule in one(stack, "aws_s3_bucket_lifecycle_configuration", "archive").get("rule", []):
        if at(rule, "expiration", "days") <= retention.get("days", 0):
            yield "archive: logs expire before their lock does"
    for kind in ("aws_s3_bucket", "aws_kms_key"):
        if not at(one(stack, kind, "archive"), "lifecycle", "prevent_destroy"):
            yield f"archive: OpenTofu may delete {kind}"


@policy
def no_delete(stacks: Stacks) -> Iterator[str]:
    bucket = one(stacks["archive"], "aws_s3_bucket_policy", "archive").get("policy")
    denied = {
        action
        for s in statements(bucket, "Deny")
        if s["Principal"] == "*" and "Condition" not in s
        for action in listed(s["Action"])
    }
    if missing := DELETES - denied:
        yield f"archive: its policy does not deny {sorted(missing)}"
    for s in statements(bucket, "Allow"):
        everywhere = s["Resource"].endswith("arn}/*")
        if listed(s["Action"]) != ["s3:PutObject"] or s["Principal"] == "*" or everywhere:
            yield f"archive: {s['Sid']} allows {s['Action']} on {s['Resource']} to {s['Principal']}"
    organization = stacks["organization"]
    content = one(organization, "aws_organizations_policy", "archive").get("content")
    denied = {
        action
        for s in statements(content, "Deny")
        if s["Resource"] == "*" and "Condition" not in s
        for action in listed(s["Action"])
    }
    if missing := (DELETES | {"kms:ScheduleKeyDeletion", "s3:DeleteBucketPolicy"}) - denied:
        yield f"organization: it does not deny {sorted(missing)} in the account of the archive"


@policy
def private(stacks: Stacks) -> Iterator[str]:
    stack = stacks["archive"]
    block = one(stack, "aws_s3_bucket_public_access_block", "archive")
    ways = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    for argument in ways:
        if block.get(argument) is not True:
            yield f"archive: {argument} is not set"
    encryption = one(stack, "aws_s3_bucket_server_side_encryption_configuration", "archive")
    default = at(encryption, "rule", "apply_server_side_encryption_by_default") or {}
    if default.get("kms_master_key_id") != "${aws_kms_key.archive.arn}":
        yield "archive: logs are not encrypted with a key of its own"
    if not one(stack, "aws_kms_key", "archive").get("enable_key_rotation"):
        yield "archive: its key stays the same for ever"
    document = one(stack, "aws_s3_bucket_policy", "archive").get("policy")
    if not any(at(s, "Condition", "Bool", "aws:SecureTransport") for s in statements(document, "Deny")):
        yield "archive: it can be talked to without TLS"


@policy
def denied(stacks: Stacks) -> Iterator[str]:
    """The organization's own policies are in force where they have to be."""
    stack = stacks["organization"]
    root = "${aws_organizations_organization.main.roots[0].id}"
    if "SERVICE_CONTROL_POLICY" not in (
        one(stack, "aws_organizations_organization", "main").get("enabled_policy_types") or []
    ):
        yield "organization: policies are not in force"
    targets = {
        "archive": "${aws_organizations_account.archive.id}",
        "guardrails": root,
        "regions": root,
    }
    for name, target in targets.items():
        attachment = one(stack, "aws_organizations_policy_attachment", name)
        if attachment.get("target_id") != target:
            yield f"organization: {name} is attached to {attachment.get('target_id')}"
    regions = statements(one(stack, "aws_organizations_policy", "regions").get("content"), "Deny")
    used = {region for region in (at(stacks[e], "provider", "aws", "region") for e in ENVIRONMENTS)}
    if not any(
        set(at(s, "Condition", "StringNotEquals", "aws:RequestedRegion") or []) == used
        and s["Resource"] == "*"
        for s in regions
    ):
        yield f"organization: regions other than {sorted(used)} can be used"
    guardrails = statements(one(stack, "aws_organizations_policy", "guardrails").get("content"), "Deny")
    if not any("organizations:LeaveOrganization" in listed(s["Action"]) for s in guardrails):
        yield "organization: an account may leave"
    if not any(
        "*" in listed(s["Action"]) and at(s, "Condition", "StringLike", "aws:PrincipalArn")
        for s in guardrails
    ):
        yield "organization: an account may be used as root"
    for name, body in resources(stack, "aws_organizations_policy").items():
        # Longer than this it is refused.
        if len(body["content"]) > 5120:
            yield f"organization: {name} is too long"
    accounts = resources(stack, "aws_organizations_account")
    for name in ("archive", "security", *ENVIRONMENTS):
        if not at(accounts, name, "lifecycle", "prevent_destroy"):
            yield f"organization: {name} has no account of its own that stays"
