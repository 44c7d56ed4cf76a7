#!/usr/bin/env python3
"""The settings that the NixOS modules write, given to the real programs: nix-settings.py PROGRAM EVALUATED.json

EVALUATED.json: {"systems": {name: settings}, "guards": {name: settings of uecho-guard}, "defaults": {key path: text of the
option's default}}. Every system's settings must be accepted, and mean what they say; every default that an option's text
promises must be the program's own. uecho-guard is taken from beside PROGRAM.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path


def toml(value: object) -> str:
    """A value as inline TOML; JSON's strings and numbers are TOML's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def run(program: str, settings: dict[str, object], *command: str) -> str:
    """What the program says with these settings, which it must not refuse."""
    text = "\n".join(f"{key} = {toml(value)}" for key, value in settings.items())
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([program, "--config", file.name, *command], env={}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"nix-settings: refused with {done.returncode}:\n{text}\n{done.stderr}")
    return done.stdout


def effective(program: str, settings: dict[str, object]) -> dict[str, object]:
    return tomllib.loads(run(program, settings, "check-config"))


def flat(values: dict[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value and prefix == "":
            found |= flat(value, f"{key}.")
        else:
            found[prefix + key] = value
    return found


def main() -> None:
    program, evaluated = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    wrong = 0
    for name, settings in evaluated["systems"].items():
        wanted = flat(settings)
        got = flat(effective(program, settings))
        differing = {key: (value, got.get(key)) for key, value in wanted.items() if value != {} and got.get(key) != value}
        wrong += len(differing)
        print(f"nix-settings: {name}: {len(wanted)} settings, {len(differing)} differ {differing or ''}")
    guard = str(Path(program).with_name("uecho-guard"))
    for name, settings in evaluated["guards"].items():
        run(guard, settings, "status")
        print(f"nix-settings: {name}: {len(settings)} settings accepted by the guard")
    own = flat(effective(program, {}))
    promised = 0
    for key, text in evaluated["defaults"].items():
        if match := re.fullmatch(r"the program's default, `(.*)`", text):
            promised += 1
            if own.get(key) != json.loads(match[1]):
                wrong += 1
                print(f"nix-settings: {key}: the option says {match[1]}, the program {own.get(key)!r}")
    print(f"nix-settings: {promised} defaults promised by the options")
    if wrong or promised == 0:
        sys.exit(1)


if __name__ == "__main__":
    main()
