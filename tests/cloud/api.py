"""Asks the API's own description (botocore, which comes with checkov) whether a rollout has the form that the
API wants. References are taken for text, except where the API wants a number. usage: api.py STACKS"""

import json
import sys
from pathlib import Path

import botocore.loaders  # type: ignore[import-not-found]
import botocore.model  # type: ignore[import-not-found]
import botocore.validate  # type: ignore[import-not-found]

stacks = json.loads(Path(sys.argv[1]).read_text())
description = botocore.loaders.Loader().load_service_model("autoscaling", "service-2")
service = botocore.model.ServiceModel(description)
shape = service.operation_model("StartInstanceRefresh").input_shape
validator = botocore.validate.ParamValidator()
wrong = []
checked = 0
for name, stack in stacks.items():
    if "rollout" not in stack.get("output", {}):
        continue
    rollout = stack["output"]["rollout"]["value"]
    report = validator.validate(rollout, shape)
    if report.has_errors():
        wrong.append(f"{name}: {report.generate_report()}")
    for broken in (rollout | {"Preference": {}}, rollout | {"AutoScalingGroupName": 1}):
        if not validator.validate(broken, shape).has_errors():
            wrong.append(f"{name}: botocore does not look at {broken}")
    checked += 1
statuses = service.shape_for("InstanceRefreshStatus").enum
script = (Path(__file__).parent.parent.parent / "cloud" / "rollout.sh").read_text()
known = {"Successful", "RollbackSuccessful", "Failed", "RollbackFailed", "Cancelled"}
goes_on = {"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"}
if set(statuses) != known | goes_on:
    wrong.append(f"rollout.sh knows other ends of a rollout than the API has: {sorted(statuses)}")
wrong += [f"rollout.sh does not know the status {status}" for status in known if status not in script]
if wrong or not checked:
    sys.exit("\n".join(wrong) or "no stack has a rollout")
print(f"api: {checked} rollouts have the API's form")
