#!/usr/bin/env python3
"""The bills of materials of a closure and of programs: what is in them, that they are CycloneDX, and that the
comparison finds what is missing or too much. Needs jq, cargo with auditable, rust-audit-info, and
cyclonedx-python-lib for its schema.
"""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

NIXOS = Path(__file__).resolve().parents[2] / "nixos"


def path(letter: str, name: str) -> str:
    return f"/nix/store/{letter * 32}-{name}"


GLIBC, UECHO = path("g", "glibc-2.42-61"), path("u", "uecho-0.1.0")
SYSTEM, UNIT, SETTINGS = (
    path("s", "nixos-system-uecho-26.05"),
    path("n", "unit-uecho.service"),
    path("t", "u.toml"),
)
REFERENCES = {
    GLIBC: [GLIBC],
    UECHO: [GLIBC],
    SETTINGS: [],
    UNIT: [UECHO, SETTINGS],
    SYSTEM: [UNIT, UECHO],
}


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="uecho-sbom-")))

    def run_in(self, *command: str | Path, source: str = "") -> str:
        """Runs a command in the folder; returns what it prints."""
        ended = subprocess.run(
            command, cwd=self.folder, input=source, check=True, stdout=subprocess.PIPE, text=True
        )
        return ended.stdout

    def fill(self, script: str, name: str, source: str, *options: str) -> str:
        """Writes a bill with one of the scripts."""
        arguments = [*options, "--arg", "name", name, "--arg", "version", "1"]
        return self.run_in("jq", "--from-file", NIXOS / script, *arguments, source=source)

    def compare(self, bill: dict[str, Any], expected: list[str]) -> tuple[int, str]:
        """Compares a bill with what it has to list."""
        (self.folder / "bill.json").write_text(json.dumps(bill))
        (self.folder / "expected").write_text("".join(f"{name}\n" for name in expected))
        ended = subprocess.run(
            ["bash", NIXOS / "sbom-check.sh", self.folder / "bill.json", self.folder / "expected"],
            check=False,
            capture_output=True,
            text=True,
        )
        return ended.returncode, ended.stdout + ended.stderr


class Closure(Case):
    def bill(self, references: dict[str, list[str]]) -> str:
        """What is written for a closure, which Nix lists in no order of use here."""
        closure = [
            {"path": name, "narHash": f"sha256:{name[11]}", "narSize": 1, "references": used}
            for name, used in references.items()
        ]
        return self.fill("sbom.jq", "appliance", json.dumps({"closure": closure, "other": 1}))

    def test_it_is_cyclonedx(self) -> None:
        validator = JsonStrictValidator(SchemaVersion.V1_6)
        written = self.bill(REFERENCES)
        self.assertIsNone(validator.validate_str(written))
        # The schema does object to what is wrong.
        self.assertIsNotNone(validator.validate_str(written.replace('"library"', '"libary"')))

    def test_names_versions_and_uses(self) -> None:
        bill = json.loads(self.bill(REFERENCES))
        named = {
            part["bom-ref"]: (part["name"], part.get("version"), part["purl"]) for part in bill["components"]
        }
        self.assertEqual(named[GLIBC], ("glibc", "2.42-61", "pkg:nix/glibc@2.42-61"))
        self.assertEqual(named[UNIT], ("unit-uecho.service", None, "pkg:nix/unit-uecho.service"))
        self.assertEqual(named[SYSTEM], ("nixos-system-uecho", "26.05", "pkg:nix/nixos-system-uecho@26.05"))
        uses = {entry["ref"]: entry["dependsOn"] for entry in bill["dependencies"]}
        self.assertEqual(uses["appliance"], [SYSTEM])
        self.assertEqual(uses[UNIT], [SETTINGS, UECHO])
        self.assertEqual(uses[GLIBC], [])

    def test_the_same_closure_makes_the_same_bytes(self) -> None:
        backwards = {name: used[::-1] for name, used in reversed(REFERENCES.items())}
        self.assertEqual(self.bill(REFERENCES), self.bill(backwards))

    def test_the_comparison(self) -> None:
        bill = json.loads(self.bill(REFERENCES))
        everything = list(REFERENCES)
        self.assertEqual(self.compare(bill, everything)[0], 0)
        status, said = self.compare(bill, [*everything, path("x", "xz-5.8")])
        self.assertEqual((status, said), (1, f"there, but not listed: {path('x', 'xz-5.8')}\n"))
        status, said = self.compare(bill, everything[1:])
        self.assertEqual((status, said), (1, f"listed, but not there: {GLIBC}\n"))
        bill["components"].append(bill["components"][0])
        self.assertEqual(self.compare(bill, everything)[0], 1, "listed twice")
        bill["components"] = []
        self.assertEqual(self.compare(bill, [])[0], 1, "nothing is not everything")


MANIFEST = """\
[package]
name = "echo"
version = "1.2.3"
edition = "2021"

[dependencies]
other = { path = "other" }

[build-dependencies]
autocfg = "1"

[dev-dependencies]
fastrand = "2"

[target.'cfg(windows)'.dependencies]
windows-link = "0.2"

[workspace]
members = ["other"]
"""
OTHER = """\
[package]
name = "other"
version = "0.1.0+meta"
edition = "2021"

[dependencies]
itoa = "1"
"""


class Crates(Case):
    """A workspace with a program that needs a crate for itself, and one for its build."""

    def write(self, file: str, text: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def workspace(self) -> None:
        self.write("Cargo.toml", MANIFEST)
        self.write("src/main.rs", 'fn main() { println!("{}", other::text()) }\n')
        self.write("build.rs", "fn main() { autocfg::new(); }\n")
        self.write("other/Cargo.toml", OTHER)
        self.write("other/src/lib.rs", "pub fn text() -> String { itoa::Buffer::new().format(1).into() }\n")
        self.run_in("cargo", "generate-lockfile", "--quiet")

    def listed(self) -> list[str]:
        """What the lock says."""
        return self.run_in("bash", NIXOS / "sbom-crates.sh").splitlines()

    def bill(self) -> str:
        """What the program says."""
        said = self.run_in("rust-audit-info", "target/debug/echo")
        # As if there were two programs with the same crates.
        return self.fill("sbom-crates.jq", "all", said * 2, "--slurp")

    def test_the_program_has_what_the_lock_says(self) -> None:
        self.workspace()
        self.run_in("cargo", "auditable", "build", "--quiet", "--locked")
        written = self.bill()
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(written))
        bill, listed = json.loads(written), self.listed()
        status, said = self.compare(bill, listed)
        self.assertEqual(status, 0, said)
        parts = {part["name"]: (part["type"], part["scope"]) for part in bill["components"]}
        self.assertEqual(
            parts,
            {
                "autocfg": ("library", "excluded"),
                "echo": ("application", "required"),
                "itoa": ("library", "required"),
                "other": ("library", "required"),
            },
        )
        uses = {entry["ref"]: entry["dependsOn"] for entry in bill["dependencies"]}
        self.assertEqual(uses["all"], ["pkg:cargo/echo@1.2.3"])
        self.assertEqual(len(uses["pkg:cargo/echo@1.2.3"]), 2)
        self.assertRegex(uses["pkg:cargo/other@0.1.0%2Bmeta"][0], "^pkg:cargo/itoa@1")
        # The lock has one more than the program, as if that were of another build.
        self.write("other/Cargo.toml", OTHER + 'cfg-if = "1"\n')
        self.run_in("cargo", "generate-lockfile", "--quiet")
        status, said = self.compare(bill, self.listed())
        self.assertEqual(status, 1)
        self.assertRegex(said, r"^there, but not listed: pkg:cargo/cfg-if@1\S+\n$")


if __name__ == "__main__":
    unittest.main()
