"""The stacks of cloud/ keep their promises (policies.py), and each promise is seen to fail: every mutant is
noticed by just the policies that it names, and every policy has a mutant. Then the rollout (cloud/rollout.sh)
with a stand-in for aws.

Needs the rendered stacks, one JSON object by name, in the file $CLOUD_STACKS; .ci/cloud writes it.
"""

import copy
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

import policies

HERE = Path(__file__).resolve().parent
ROLLOUT = HERE.parent.parent / "cloud" / "rollout.sh"
MUTANTS = json.loads((HERE / "mutants.json").read_text())
STACKS: policies.Stacks = json.loads(Path(os.environ["CLOUD_STACKS"]).read_text())


def broken(stacks: policies.Stacks) -> dict[str, list[str]]:
    """What breaks each policy that is broken."""
    found = {name: list(policy(stacks)) for name, policy in policies.POLICIES.items()}
    return {name: problems for name, problems in found.items() if problems}


def mutated(mutant: dict[str, Any]) -> policies.Stacks:
    stacks = copy.deepcopy(STACKS)
    *path, last = mutant["path"]
    place: Any = stacks[mutant["stack"]]
    for step in path:
        place = place[step]
    if "replace" in mutant:
        # What is a JSON document in a string has its quotes as they are.
        before, after = mutant["replace"]
        place[last] = place[last].replace(before, after)
    elif mutant.get("remove"):
        del place[last]
    else:
        place[last] = mutant["set"]
    return stacks


class Policies(unittest.TestCase):
    def test_stacks_keep_all(self) -> None:
        self.assertEqual(set(STACKS), {"archive", "organization", *policies.ENVIRONMENTS})
        self.assertEqual(broken(STACKS), {})

    def test_each_mutant_is_noticed(self) -> None:
        for mutant in MUTANTS:
            with self.subTest(mutant["name"]):
                stacks = mutated(mutant)
                self.assertNotEqual(stacks, STACKS, "it changes nothing")
                self.assertEqual(sorted(broken(stacks)), sorted(mutant["policies"]))

    def test_each_policy_has_a_mutant(self) -> None:
        noticed = {policy for mutant in MUTANTS for policy in mutant["policies"]}
        self.assertEqual(set(policies.POLICIES), noticed)


class References(unittest.TestCase):
    """Whatever is referred to is there."""

    def test_no_reference_leads_nowhere(self) -> None:
        for name, stack in STACKS.items():
            known = {
                f"{kind}.{resource}" for kind, bodies in stack["resource"].items() for resource in bodies
            } | {f"var.{variable}" for variable in stack["variable"]}
            text = json.dumps(stack)
            wanted = set(policies.REFERENCE.findall(text))
            self.assertTrue(wanted)
            self.assertEqual(wanted - known, set(), name)
            unused = {f"var.{variable}" for variable in stack["variable"]} - wanted
            self.assertEqual(unused, set(), name)


AWS = """#!/usr/bin/env python3
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
with open(here / "calls", "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[2] == "start-instance-refresh":
    if (refusal := here / "refusal").exists():
        sys.exit(refusal.read_text())
    print(json.dumps({"InstanceRefreshId": "id-1"}))
else:
    answers = (here / "answers").read_text().splitlines()
    (here / "answers").write_text("\\n".join(answers[1:] or answers))
    if answers[0] == "error":
        sys.exit("Unable to locate credentials")
    print(json.dumps({"InstanceRefreshes": [{"Status": answers[0], "PercentageComplete": 50}]}))
"""


class Rollout(unittest.TestCase):
    def run_rollout(
        self, *answers: str, refusal: str = "", request: Any = None, seconds: str = "30"
    ) -> tuple[int, str, list[list[str]]]:
        """How it ended, what it said, and what it asked of aws."""
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            (here / "aws").write_text(AWS)
            (here / "aws").chmod(0o755)
            (here / "answers").write_text("\n".join(answers))
            if refusal:
                (here / "refusal").write_text(refusal)
            if request is None:
                request = {
                    "AutoScalingGroupName": "uecho-test",
                    "DesiredConfiguration": {"LaunchTemplate": {"Version": "7"}},
                }
            (here / "rollout.json").write_text(json.dumps(request))
            environment = {
                **os.environ,
                "PATH": f"{folder}:{os.environ['PATH']}",
                "ROLLOUT_INTERVAL": "0.1",
                "ROLLOUT_SECONDS": seconds,
            }
            done = subprocess.run(
                [ROLLOUT, here / "rollout.json"],
                check=False,
                capture_output=True,
                text=True,
                env=environment,
                timeout=60,
            )
            calls = here / "calls"
            asked = [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []
        return done.returncode, done.stdout + done.stderr, asked

    def test_success(self) -> None:
        status, said, asked = self.run_rollout("Pending", "InProgress", "InProgress", "Baking", "Successful")
        self.assertEqual(status, 0, said)
        self.assertIn("version 7", said)
        self.assertEqual(said.count("InProgress"), 1, "what has not changed is said once")
        self.assertEqual(asked[0][:2], ["autoscaling", "start-instance-refresh"])
        self.assertTrue(asked[0][3].startswith("file://"))
        for question in asked[1:]:
            self.assertIn("id-1", question)
            self.assertIn("uecho-test", question)

    def test_taken_back(self) -> None:
        status, said, _ = self.run_rollout("InProgress", "RollbackInProgress", "RollbackSuccessful")
        self.assertEqual(status, 3, said)

    def test_neither(self) -> None:
        for verdict in ("Failed", "RollbackFailed", "Cancelled"):
            status, said, _ = self.run_rollout("InProgress", "Cancelling", verdict)
            self.assertEqual(status, 4, said)
            self.assertIn(verdict, said)

    def test_another_is_under_way(self) -> None:
        status, said, asked = self.run_rollout(
            refusal="An error occurred (InstanceRefreshInProgress) when calling StartInstanceRefresh"
        )
        self.assertEqual((status, len(asked)), (75, 1), said)
        self.assertIn("another rollout", said)

    def test_refused(self) -> None:
        status, said, asked = self.run_rollout(refusal="An error occurred (ValidationError)")
        self.assertEqual((status, len(asked)), (69, 1), said)
        self.assertIn("ValidationError", said)

    def test_a_question_that_fails_is_asked_again(self) -> None:
        status, said, _ = self.run_rollout("InProgress", "error", "error", "Successful")
        self.assertEqual(status, 0, said)

    def test_no_verdict_in_time(self) -> None:
        status, said, _ = self.run_rollout("InProgress", seconds="1")
        self.assertEqual(status, 75, said)
        self.assertIn("goes on", said)

    def test_wrong_file(self) -> None:
        status, said, asked = self.run_rollout(request={"sensitive": False})
        self.assertEqual((status, asked), (2, []), said)
        self.assertIn("AutoScalingGroupName", said)


if __name__ == "__main__":
    unittest.main()
