#!/usr/bin/env python3
"""Gives the settings that the NixOS modules write to the real programs: nix-settings.py PROGRAM EVALUATED

EVALUATED, a JSON file: {"systems": {name: settings}, "guards": {name: settings of uecho-guard},
"guardDefaults": settings of uecho-guard with one check and all options at their defaults, "options": {key:
{"default": value, "text": of the default}}}. The programs must accept the settings of every system, and print
the same values as effective. Every key of the service's schema must have an option, and every option must
have a key, except secret strings, which are credentials. Every default of an option, or that its text names,
must be the program's default. uecho-guard is in the folder of PROGRAM.
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
    """Output of the program with these settings, which it must accept."""
    text = "\n".join(f"{key} = {toml(value)}" for key, value in settings.items())
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        command = (program, "--config", file.name, *command)
        done = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"nix-settings: refused with {done.returncode}:\n{text}\n{done.stderr}")
    return done.stdout


def flat(values: dict[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value and prefix == "":
            found |= flat(value, f"{key}.")
        else:
            found[prefix + key] = value
    return found


def agree(name: str, program: str, settings: dict[str, object], wanted: dict[str, object]) -> bool:
    """Whether the program, with these settings, has the wanted ones in effect."""
    expected = flat(wanted)
    got = flat(tomllib.loads(run(program, settings, "check-config")))
    differing = {
        key: (value, got.get(key))
        for key, value in expected.items()
        if value != {} and got.get(key) != value
    }
    print(f"nix-settings: {name}: {len(expected)} settings, {len(differing)} differ {differing or ''}")
    return not differing


def keys(program: str) -> dict[str, dict[str, object]]:
    """The schema of each key of the program."""
    done = subprocess.run(
        [program, "check-config", "--schema"], env={}, capture_output=True, text=True, check=True
    )
    found: dict[str, dict[str, object]] = {}
    for name, item in json.loads(done.stdout)["properties"].items():
        found |= {f"{name}.{key}": it for key, it in item.get("properties", {}).items()} or {name: item}
    return found


def disagreements(keys: dict[str, dict[str, object]], options: dict[str, dict[str, object]]) -> list[str]:
    """Differences between options and keys, or between their defaults."""
    secret = {key for key, item in keys.items() if item.get("writeOnly") and item.get("type") == "string"}
    missing = keys.keys() - options.keys() - secret
    wrong = [f"{key}: the program has this key, services.uecho.settings has no option" for key in missing]
    wrong += [f"{key}: an option, but a secret ends up in the store" for key in options.keys() & secret]
    wrong += [f"{key}: an option, but the program has no such key" for key in options.keys() - keys.keys()]
    for key in sorted(options.keys() & keys.keys()):
        text, default, own = str(options[key]["text"]), options[key]["default"], keys[key].get("default")
        if match := re.fullmatch(r"the program's default, `(.*)`", text):
            default = json.loads(match[1])
        elif text:
            continue  # the module's own
        if default != own:
            wrong.append(f"{key}: the option has {default!r}, the program {own!r}")
    return sorted(wrong)


def main() -> None:
    program, evaluated = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    guard = str(Path(program).with_name("uecho-guard"))
    defaults = evaluated["guardDefaults"]
    checks = [{"name": check["name"], "command": check["command"]} for check in defaults["checks"]]
    good = [agree(name, program, settings, settings) for name, settings in evaluated["systems"].items()]
    good += [agree(f"{name}, guard", guard, given, given) for name, given in evaluated["guards"].items()]
    good += [agree("defaults of the guard", guard, {"checks": checks}, defaults)]
    differing_options = disagreements(keys(program), evaluated["options"])
    for line in differing_options:
        print(f"nix-settings: {line}")
    options = len(evaluated["options"])
    print(f"nix-settings: {options} options, {len(differing_options)} disagree with the program")
    if not all(good) or differing_options:
        sys.exit(1)


if __name__ == "__main__":
    main()
