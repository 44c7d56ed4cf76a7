#!/usr/bin/env python3
"""What a rollout does and reports, with three machines behind a balancer.

See lab.py for the machines, and balancer.py for the balancer.
"""

import json
import shutil
import signal
import tempfile
import time
import unittest
from pathlib import Path

from balancer import Balancer
from lab import Lab

NAMES = ["n1", "n2", "n3"]


class Fleet(Lab):
    def setUp(self) -> None:
        super().setUp()
        self.fleet = Path(tempfile.mkdtemp(prefix="uecho-fleet-"))
        self.addCleanup(shutil.rmtree, self.fleet)
        self.nodes: dict[str, Lab] = {"n1": self}
        for name in NAMES[1:]:
            self.nodes[name] = node = Lab()
            node.setUp()
            self.addCleanup(node.doCleanups)
        self.balancer = Balancer({name: node.port for name, node in self.nodes.items()})
        self.addCleanup(self.balancer.close)
        for name, node in self.nodes.items():
            (self.fleet / name).symlink_to(node.lab)
            values = f"export PORT={node.port} UECHO_INSTANCE={name}\n"
            (node.lab / "environment").write_text(values)
            node.environment["UECHO_INSTANCE"] = name
            self.assertEqual(node.switch("old"), 0)
            (node.lab / "calls").unlink()
        (self.fleet / "lb").mkdir()
        (self.fleet / "lb/machine").symlink_to(self.lab / "machine")
        self.environment["FLEET"] = str(self.fleet)
        self.file = self.fleet / "fleet.json"
        self.says(self.described())
        for node in self.nodes.values():
            node.system("new")
        self.wait_until_all_are_up()

    def described(self) -> dict[str, object]:
        balancer = {"host": "lb", "url": self.balancer.url(0), "ops": self.balancer.url(1)}
        nodes = [
            {"name": name, "host": name, "url": f"http://127.0.0.1:{node.port}"}
            for name, node in self.nodes.items()
        ]
        # The others have the flake of the command line.
        nodes[1]["flake"] = ".#n2"
        return {"balancer": balancer, "nodes": nodes}

    def wait_until_all_are_up(self) -> None:
        end = time.monotonic() + 10
        while not all(self.balancer.up.values()):
            self.assertLess(time.monotonic(), end, "not all nodes are UP")
            time.sleep(0.05)
        self.balancer.fewest = len(NAMES)

    def says(self, fleet: object) -> None:
        self.file.write_text(json.dumps(fleet))

    def arguments(self, *more: str) -> list[str]:
        times = ["--wait", "5", "--verdict", "8", "--bake", "1", "--max-p99", "2s"]
        return ["--fleet", str(self.file), *times, *more]

    def roll_out(self, *more: str) -> tuple[int, str]:
        return self.deploy(*self.arguments(*more))

    def running(self) -> list[str]:
        """Return the label of the system that runs on each node."""
        return [node.current() for node in self.nodes.values()]

    def test_all_nodes_are_updated_one_after_the_other(self) -> None:
        status, said = self.roll_out()
        self.assertEqual(status, 0, said)
        self.assertEqual(self.running(), ["new"] * 3)
        for name in NAMES:
            self.assertIn(f"serves {self.identity('new')} from {name}", said)
            self.assertIn(f"{name}: updated, runs {self.identity('new')}", said)
        waves = [line for line in said.splitlines() if "wave" in line]
        self.assertEqual(waves, [f"deploy: wave {number} of 3" for number in [1, 2, 3]])
        self.assertEqual(said.count("0.000 % errors"), 3)
        nix = (self.lab / "nix").read_text().splitlines()
        built = [line.split(".")[2] for line in nix if line.startswith("build")]
        self.assertEqual(built, ["appliance", "n2", "appliance"])
        for name in [*NAMES, "lb"]:
            self.assertIn(f"ssh root@{name}", (self.fleet / name / "calls").read_text().splitlines())
        self.assertGreaterEqual(self.balancer.fewest, 2)
        closed = [call for call in self.calls() if "-O exit" in call]
        self.assertEqual(closed, [f"ssh -O exit root@{name}" for name in [*NAMES, "lb"]])
        # The lock has ended before the connection does.
        over, calls = self.fleet / "lb/rollout-over", self.lab / "calls"
        self.assertLessEqual(over.stat().st_mtime_ns, calls.stat().st_mtime_ns)

    def test_a_bad_canary_stops_it_and_the_others_are_not_touched(self) -> None:
        self.guard_is(on=True)
        back = self.verdict(3, "rolled_back", "never ready", deed=self.back_to("old"))
        self.system("new", serves="wrong", after=back)
        status, said = self.roll_out()
        self.assertEqual(status, 3, said)
        self.assertEqual(self.running(), ["old"] * 3)
        self.assertIn(f"n1: runs {self.identity('old')} as before", said)
        for name in NAMES[1:]:
            self.assertIn(f"{name}: not touched", said)
            self.assertEqual(self.nodes[name].calls(), [])

    def test_a_bad_node_leaves_those_before_it_updated(self) -> None:
        self.nodes["n2"].system("new", serves="wrong")
        status, said = self.roll_out("--wave", "canary:1", "--wave", "all")
        self.assertEqual(status, 3, said)
        self.assertEqual(self.running(), ["new", "old", "old"])
        self.assertIn(f"n1: updated, runs {self.identity('new')}", said)
        self.assertIn(f"n2: runs {self.identity('old')} as before", said)
        self.assertIn("n3: not touched", said)

    def test_nodes_before_a_bad_one_are_reverted_if_that_is_wanted(self) -> None:
        self.nodes["n3"].system("new", serves="wrong")
        status, said = self.roll_out("--wave", "all", "--on-failure", "revert")
        self.assertEqual(status, 3, said)
        self.assertEqual(self.running(), ["old"] * 3)
        self.assertIn(f"n3: runs {self.identity('old')} as before", said)
        for name in NAMES[:2]:
            self.assertIn(f"{name}: reverted, runs {self.identity('old')} again", said)
            self.assertIn(f"serves {self.identity('old')} from {name}", said)
        self.assertLess(said.index("n2 goes back"), said.index("n1 goes back"))
        self.assertGreaterEqual(self.balancer.fewest, 2)

    def test_nothing_is_reverted_while_another_node_is_away(self) -> None:
        self.guard_is(on=False)
        bad = self.nodes["n2"]
        bad.system("new", serves="wrong")
        bad.system("old", after=f"kill -9 $(cat {bad.lab}/pid)")
        status, said = self.roll_out("--wave", "all", "--on-failure", "revert")
        self.assertEqual(status, 4, said)
        self.assertIn("n1 has to wait: n2 is DOWN", said)
        self.assertIn(f"n1: updated, runs {self.identity('new')}", said)
        self.assertEqual(self.running()[0], "new")

    def test_no_node_is_touched_while_another_one_is_not_up(self) -> None:
        self.balancer.forced["n3"] = "MAINT"
        status, said = self.roll_out()
        self.assertEqual(status, 75, said)
        self.assertIn("n1 has to wait: n3 is MAINT", said)
        self.assertEqual(self.running(), ["old"] * 3)
        self.assertEqual(self.calls(), [f"ssh -O exit root@{name}" for name in [*NAMES, "lb"]])

    def test_no_node_is_touched_while_the_balancer_cannot_be_asked(self) -> None:
        fleet = self.described()
        self.says({**fleet, "balancer": {**fleet["balancer"], "backend": "others"}})
        status, said = self.roll_out()
        self.assertEqual(status, 75, said)
        self.assertIn("n1 has to wait: n2 is unknown, n3 is unknown", said)
        self.balancer.servers[1].server_close()
        self.says(fleet)
        status, said = self.roll_out()
        self.assertEqual(status, 75, said)
        self.assertIn(f"n1 has to wait: {self.balancer.url(1)}/metrics: ", said)
        self.assertEqual(self.running(), ["old"] * 3)

    def test_a_node_that_clients_do_not_reach_stops_it(self) -> None:
        self.balancer.forced["n1"] = "DRAIN"
        status, said = self.roll_out()
        self.assertEqual(status, 4, said)
        self.assertIn("not behind the balancer: n1 is DRAIN", said)
        self.assertIn(f"n1: updated, runs {self.identity('new')}", said)
        self.assertEqual(self.running(), ["new", "old", "old"])

    def test_a_balancer_that_leads_elsewhere_stops_it(self) -> None:
        self.balancer.nodes["n1"] = self.nodes["n2"].port
        status, said = self.roll_out()
        self.assertEqual(status, 4, said)
        self.assertIn("gives no answer from n1", said)

    def test_a_fleet_that_is_not_well_after_a_wave_stops_it(self) -> None:
        for deed, words in [
            # The share that is printed anyway, and the same one in the reason.
            ({"errors": 1}, r" (\S+) % errors.*\n.*the rollout stops: \1 % of"),
            ({"delay": 0.3}, "the rollout stops: .*99 of 100 answers took up to"),
            ({"forced": dict.fromkeys(NAMES, "MAINT")}, "the rollout stops: .*not ready: status is 503"),
        ]:
            with self.subTest(words):
                # While the fleet is watched, which a switch to the new version does not see.
                running = self.start_deploy(*self.arguments("--bake", "4", "--max-p99", "200ms"))
                assert running.stderr
                said = ""
                while "watching the fleet" not in said:
                    said += running.stderr.readline()
                before = {key: getattr(self.balancer, key) for key in deed}
                for key, value in deed.items():
                    setattr(self.balancer, key, value)
                said += running.communicate(timeout=60)[1]
                self.assertEqual(running.returncode, 1, said)
                self.assertRegex(said, words)
                self.assertEqual(self.running(), ["new", "old", "old"])
                self.assertIn("n2: not touched", said)
                for key, value in before.items():
                    setattr(self.balancer, key, value)
                self.switch("old")
                self.wait_until_all_are_up()

    def test_a_second_rollout_is_kept_out_until_the_first_ends(self) -> None:
        self.environment["USER"] = "ci"
        first = self.start_deploy(*self.arguments("--bake", "60"))
        self.wait_for(self.fleet / "lb/rollout-unit")
        status, said = self.roll_out()
        self.assertEqual(status, 75, said)
        self.assertRegex(said, rf"another rollout is under way: ci@\S+, process {first.pid}, for \d+ s; ")
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=30)
        self.assertEqual(first.returncode, 128 + signal.SIGTERM)
        self.balancer.forced["n2"] = "MAINT"
        status, said = self.roll_out()
        self.assertEqual(status, 75, said)
        self.assertNotIn("another rollout", said)

    def test_a_lock_that_is_lost_stops_it(self) -> None:
        self.system("new", after=f"kill $(cat {self.fleet}/lb/rollout-pid)")
        status, said = self.roll_out()
        self.assertEqual(status, 75, said)
        self.assertIn("and with it the lock; n2 has to wait", said)
        self.assertEqual(self.running(), ["new", "old", "old"])

    def test_a_file_that_says_no_fleet_is_refused(self) -> None:
        fleet = self.described()
        for wrong, words in [
            ({**fleet, "nodes": []}, "nodes: expected two or more"),
            ({**fleet, "balancers": []}, "unknown field `balancers`"),
            ({**fleet, "nodes": [{"name": "n1"}]}, "missing field `host`"),
        ]:
            with self.subTest(words):
                self.says(wrong)
                status, said = self.roll_out()
                self.assertEqual(status, 2, said)
                self.assertIn(f"{self.file}: {words}", said)
                self.assertEqual(self.calls(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
