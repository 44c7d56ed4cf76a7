"""Lets checkov look at the rendered stacks, without asking anything of the network. What it finds and is
meant to be so is in MEANT, with the reason; a reason that is no longer needed is wrong, too.

checkov reads no *.tf.json, only HCL and plans. So each stack is written as a plan of it: its resources, with
references as they are. dev and qa are prod with other values (policies.parity). usage: scan.py CHECKOV STACKS
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import policies

STACKS = ("archive", "organization", "prod")
# Arguments that are maps; every other object is a block.
MAPS = {"tags", "dimensions"}
META = {"depends_on", "for_each", "lifecycle"}
LOGS = "nodes and the archive say who asked for what, and what comes through the balancer is counted there"
IMPORT = "what the import of images needs; it makes new snapshots, whose names nobody knows before"
MEANT = {
    ("CKV2_AWS_11", "aws_vpc.main"): "flow logs cost more than they tell here: two ports in, none out",
    ("CKV2_AWS_28", "aws_lb.main"): "an echo has no database behind it; its limits are the program's",
    ("CKV2_AWS_62", "aws_s3_bucket.archive"): "nobody waits for a log",
    ("CKV_AWS_144", "aws_s3_bucket.archive"): "logs stay in one region, which the organization demands",
    ("CKV_AWS_18", "aws_s3_bucket.archive"): "it would be a log of who writes logs, without a lock",
    ("CKV_AWS_260", "aws_vpc_security_group_ingress_rule.http"): "it only sends on to https",
    ("CKV_AWS_289", "aws_iam_role_policy.import"): IMPORT,
    ("CKV_AWS_290", "aws_iam_role_policy.import"): IMPORT,
    ("CKV_AWS_355", "aws_iam_role_policy.import"): IMPORT,
    ("CKV_AWS_91", "aws_lb.main"): LOGS,
}
# What checkov must find when it is broken: without this, it could be looking at nothing.
CONTROLS = (
    ("CKV_AWS_79", "prod", ("aws_launch_template", "node", "metadata_options", "http_tokens"), "optional"),
    ("CKV_AWS_54", "archive", ("aws_s3_bucket_public_access_block", "archive", "block_public_policy"), False),
    ("CKV_AWS_131", "prod", ("aws_lb", "main", "drop_invalid_header_fields"), False),
)


def blocks(name: str, value: Any) -> Any:
    """As a plan has it: each block is a list."""
    if isinstance(value, dict):
        inner = {key: blocks(key, item) for key, item in value.items()}
        return inner if name in MAPS else [inner]
    if isinstance(value, list):
        return [blocks(name, item)[0] if isinstance(item, dict) else item for item in value]
    return value


def references(value: Any) -> Any:
    found = policies.REFERENCE.findall(json.dumps(value))
    whole = [f"{reference}.id" for reference in found] + found
    return {"references": whole} if found else {"constant_value": value}


def plan(stack: dict[str, Any]) -> dict[str, Any]:
    changes, configuration = [], []
    for kind, bodies in stack["resource"].items():
        for name, body in bodies.items():
            arguments = {key: value for key, value in body.items() if key not in META}
            resource = {"address": f"{kind}.{name}", "mode": "managed", "type": kind, "name": name}
            values = {key: blocks(key, value) for key, value in arguments.items()}
            changes.append((resource, values))
            expressions = {key: references(value) for key, value in arguments.items()}
            configuration.append(resource | {"expressions": expressions})
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.0",
        "planned_values": {"root_module": {"resources": [r | {"values": v} for r, v in changes]}},
        "resource_changes": [
            r | {"change": {"actions": ["create"], "before": None, "after": v}} for r, v in changes
        ],
        "configuration": {"root_module": {"resources": configuration}},
    }


def scan(checkov: str, stacks: dict[str, Any]) -> tuple[int, dict[tuple[str, str], str]]:
    """How many checks passed, and what did not, by check and resource."""
    with tempfile.TemporaryDirectory() as folder:
        for name in STACKS:
            (Path(folder) / f"{name}.json").write_text(json.dumps(plan(stacks[name]), indent=1))
        done = subprocess.run(
            [checkov, "--directory", folder, "--framework", "terraform_plan", "--skip-download"]
            + ["--output", "json", "--quiet", "--soft-fail"],
            check=True,
            capture_output=True,
            text=True,
        )
    report = json.loads(done.stdout)
    if "results" not in report:
        sys.exit(f"checkov looked at nothing: {done.stdout}")
    failed = report["results"]["failed_checks"]
    return report["summary"]["passed"], {
        (finding["check_id"], finding["resource"]): finding["check_name"] for finding in failed
    }


def main() -> None:
    checkov, file = sys.argv[1:]
    stacks = json.loads(Path(file).read_text())
    passed, found = scan(checkov, stacks)
    wrong = [
        f"{check} {resource}: {found[check, resource]}"
        for check, resource in sorted(found.keys() - MEANT.keys())
    ]
    wrong += [
        f"{check} {resource}: is not found any more" for check, resource in sorted(MEANT.keys() - found)
    ]
    for _, stack, (kind, name, *path, last), value in CONTROLS:
        place = stacks[stack]["resource"][kind][name]
        for step in path:
            place = place[step]
        place[last] = value
    _, broken = scan(checkov, stacks)
    wrong += [
        f"{check} {kind}.{name}: it is broken, and not found"
        for check, _, (kind, name, *_), _ in CONTROLS
        if (check, f"{kind}.{name}") not in broken
    ]
    if wrong or passed < 90:
        sys.exit("\n".join(wrong) or f"checkov: only {passed} checks")
    print(f"checkov: {passed} checks passed, {len(found)} findings are meant to be so")


if __name__ == "__main__":
    main()
