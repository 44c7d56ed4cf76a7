"""Asks the API's own description (botocore, which comes with checkov) whether a rollout has the form that the
API wants, and whether cloud/rollout.sh asks and understands what there is. References are taken for text.
usage: api.py STACKS"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore  # type: ignore[import-untyped]
import botocore.loaders  # type: ignore[import-untyped]
import botocore.model  # type: ignore[import-untyped]
import botocore.validate  # type: ignore[import-untyped]

SCRIPT = Path(__file__).resolve().parent.parent.parent / "cloud" / "rollout.sh"
ENDS = {"Successful", "RollbackSuccessful", "Failed", "RollbackFailed", "Cancelled"}
GOES_ON = {"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"}
# Of the command line itself.
COMMON = {"--output", "--cli-input-json"}


def forms(stacks: dict[str, Any], service: Any) -> Iterator[str]:
    shape = service.operation_model("StartInstanceRefresh").input_shape
    validator = botocore.validate.ParamValidator()
    rollouts = {name: at for name, stack in stacks.items() if (at := stack.get("output", {}).get("rollout"))}
    if not rollouts:
        yield "no stack has a rollout"
    for name, output in rollouts.items():
        rollout = output["value"]
        report = validator.validate(rollout, shape)
        if report.has_errors():
            yield f"{name}: {report.generate_report()}"
        for broken in (rollout | {"Preference": {}}, rollout | {"AutoScalingGroupName": 1}):
            if not validator.validate(broken, shape).has_errors():
                yield f"{name}: botocore does not look at {broken}"


def script(service: Any) -> Iterator[str]:
    text = SCRIPT.read_text()
    start = service.operation_model("StartInstanceRefresh")
    describe = service.operation_model("DescribeInstanceRefreshes")
    refresh = service.shape_for("InstanceRefresh")

    statuses = set(refresh.members["Status"].enum)
    if statuses != ENDS | GOES_ON:
        yield f"the API has other statuses of a rollout: {sorted(statuses)}"
    yield from (f"it does not know the status {status}" for status in sorted(ENDS) if status not in text)
    fields = [
        ("InstanceRefreshId", start.output_shape),
        ("InstanceRefreshes", describe.output_shape),
        ("Status", refresh),
        ("StatusReason", refresh),
        ("PercentageComplete", refresh),
    ]
    for field, shape in fields:
        if field not in shape.members or f".{field}" not in text:
            yield f"{field}: it is not asked for, or not answered"
    codes = {error.error_code for error in start.error_shapes}
    yield from (
        f"no error of the API: {code}" for code in re.findall(r"\*(\w+)\*\)", text) if code not in codes
    )

    commands = re.findall(r"aws autoscaling ([\w-]+)((?:\\\n|[^|\n])*)", text)
    if len(commands) < 2:
        yield "it does not call aws"
    operations = {botocore.xform_name(name, "-"): name for name in service.operation_names}
    for command, arguments in commands:
        members = service.operation_model(operations[command]).input_shape.members
        known = {f"--{botocore.xform_name(member, '-')}" for member in members} | COMMON
        yield from (
            f"{command} has no {option}"
            for option in re.findall(r"(?<!\S)--[\w-]+", arguments)
            if option not in known
        )


def main() -> None:
    description = botocore.loaders.Loader().load_service_model("autoscaling", "service-2")
    service = botocore.model.ServiceModel(description)
    stacks = json.loads(Path(sys.argv[1]).read_text())
    wrong = [*forms(stacks, service), *(f"{SCRIPT.name}: {problem}" for problem in script(service))]
    if wrong:
        sys.exit("\n".join(wrong))
    print("api: rollouts have the API's form, and rollout.sh asks and understands what there is")


if __name__ == "__main__":
    main()
