#!/usr/bin/env python3
"""The bill of materials of a closure: what is in it, that it is CycloneDX, and that the comparison finds what
is missing or too much. Needs jq, and cyclonedx-python-lib for its schema.
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


class Bill(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="uecho-sbom-")))

    def bill(self, references: dict[str, list[str]]) -> str:
        """What is written for a closure, which Nix lists in no order of use here."""
        closure = [
            {"path": name, "narHash": f"sha256:{name[11]}", "narSize": 1, "references": used}
            for name, used in references.items()
        ]
        attributes = self.folder / "attributes.json"
        attributes.write_text(json.dumps({"closure": closure, "other": 1}))
        command = [
            "jq",
            "--from-file",
            NIXOS / "sbom.jq",
            "--arg",
            "name",
            "appliance",
            "--arg",
            "version",
            "1",
        ]
        return subprocess.run([*command, attributes], check=True, capture_output=True, text=True).stdout

    def compare(self, bill: dict[str, Any], paths: list[str]) -> tuple[int, str]:
        (self.folder / "bill.json").write_text(json.dumps(bill))
        (self.folder / "paths").write_text("".join(f"{name}\n" for name in paths))
        ended = subprocess.run(
            ["bash", NIXOS / "sbom-check.sh", self.folder / "bill.json", self.folder / "paths"],
            check=False,
            capture_output=True,
            text=True,
        )
        return ended.returncode, ended.stdout + ended.stderr

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


if __name__ == "__main__":
    unittest.main()
