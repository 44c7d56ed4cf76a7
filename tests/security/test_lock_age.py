#!/usr/bin/env python3
"""The real .ci/lock-age in repositories whose locks have each age of interest."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / ".ci/lock-age"
DAY = 24 * 3600
# More than a test takes, less than a day.
HOUR = 3600


class LockAge(unittest.TestCase):
    def repository(self, flake: float, cargo: float) -> Path:
        """A repository in which the locks have these ages in seconds."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="uecho-lock-age-")))
        now = time.time()
        (folder / ".ci").mkdir()
        shutil.copy(SCRIPT, folder / ".ci/lock-age")
        nodes = {"nixpkgs": {"locked": {"lastModified": int(now - flake)}}, "root": {"inputs": {}}}
        (folder / "flake.lock").write_text(json.dumps({"nodes": nodes}))
        for name in ("Cargo.lock", "fuzz/Cargo.lock"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(name)
        date = f"{int(now - cargo)} +0000"
        self.git(folder, "init", "--quiet")
        self.git(folder, "add", ".")
        self.git(folder, "commit", "--quiet", "--message", "locks", date=date)
        return folder

    def git(self, folder: Path, *arguments: str, date: str = "") -> None:
        who = {
            f"GIT_{role}_{what}": "a@b.example"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        when = {"GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date} if date else {}
        subprocess.run(["git", "-C", folder, *arguments], env={**os.environ, **who, **when}, check=True)

    def ask(self, folder: Path, *arguments: str, github: bool = False) -> tuple[int, str]:
        environment = {key: value for key, value in os.environ.items() if key != "GITHUB_ACTIONS"}
        ended = subprocess.run(
            [folder / ".ci/lock-age", *arguments],
            env={**environment, **({"GITHUB_ACTIONS": "true"} if github else {})},
            check=False,
            capture_output=True,
            text=True,
        )
        return ended.returncode, ended.stdout + ended.stderr

    def test_both_sides_of_both_thresholds(self) -> None:
        for age, status, word in [
            (0, 0, ""),
            (14 * DAY - HOUR, 0, ""),
            (14 * DAY + HOUR, 0, "WARNING"),
            (30 * DAY - HOUR, 0, "WARNING"),
            (30 * DAY + HOUR, 1, "more than 30"),
        ]:
            for ages, name in [((age, 0), "flake.lock: nixpkgs"), ((0, age), "fuzz/Cargo.lock")]:
                with self.subTest(name=name, age=age):
                    ended, said = self.ask(self.repository(*ages))
                    self.assertEqual(ended, status, said)
                    (line,) = [line for line in said.splitlines() if name in line]
                    self.assertEqual(
                        ("WARNING" in line, "update it" in line), (word == "WARNING", status == 1)
                    )

    def test_github_shows_the_warning(self) -> None:
        _, said = self.ask(self.repository(15 * DAY, 0), github=True)
        self.assertRegex(said, "(?m)^::warning::lock-age: flake.lock: nixpkgs: 15 days old")

    def test_a_report_does_not_fail(self) -> None:
        ended, said = self.ask(self.repository(31 * DAY, 31 * DAY), "--only-report")
        self.assertEqual(ended, 0)
        self.assertEqual(said.count("more than 30; update it"), 3)

    def test_no_answer_without_history_or_inputs(self) -> None:
        folder = self.repository(0, 0)
        clone = folder / "clone"
        self.git(folder, "clone", "--quiet", "--depth", "1", f"file://{folder}", str(clone))
        ended, said = self.ask(clone)
        self.assertEqual(ended, 1)
        self.assertIn("fetch-depth: 0", said)
        (folder / "flake.lock").write_text('{"nodes": {"root": {}}}')
        ended, said = self.ask(folder)
        self.assertEqual(ended, 1)
        self.assertIn("no inputs", said)


if __name__ == "__main__":
    unittest.main()
