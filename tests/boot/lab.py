"""The versions that the lab boots, how it tries them, and what must be true of the machine afterwards."""

import json
import time
from dataclasses import dataclass

from channel import Rebooted
from computer import Computer
from errors import RunnerError

PROFILE = "/nix/var/nix/profiles/system"
FIRST = "v1"
# The time for a verdict after a boot, including the reboots that the guard makes.
VERDICT_SECONDS = 1800


@dataclass(frozen=True)
class State:
    """What the guard says about the machine. Versions are store paths."""

    running: str
    booted: str
    default: str | None
    oneshot: str | None
    last_good: str | None
    quarantined: dict[str, str]
    code: int | None
    at_rest: bool

    @classmethod
    def of(cls, computer: Computer) -> "State":
        status = json.loads(computer.succeed("uecho-guard status --json"))
        if problem := status["ledger_problem"]:
            raise RunnerError(f"the ledger cannot be read: {problem}")
        verdict = status["last_verdict"] or {}
        return cls(
            running=status["running"],
            booted=status["booted"],
            default=status["boot_default"],
            oneshot=status["boot_once"],
            last_good=status["last_good"],
            quarantined={entry["version"]: entry["reason"] for entry in status["quarantined"]},
            code=verdict.get("code"),
            at_rest=status["guard"] is None and verdict.get("outcome", "rebooting") != "rebooting",
        )


def first() -> str:
    """Return bash that installs the first version in a root that does not run."""
    return (
        f"update-initramfs -u -k all >&2; first=$({make(FIRST)}); nix-env --profile {PROFILE}"
        " --set $first; $first/bin/switch-to-configuration boot"
    )


def make(label: str, kind: str = "good", boot: str = "good", kernel: str = "") -> str:
    """Return bash that adds a version to the store, by default with its own kernel, and prints its path."""
    return f"uecho-toplevel make {label} {kind} kernel={kernel or label} init={boot}"


def install(path: str) -> str:
    """Return bash that does what `nixos-rebuild boot` does; the installer of the boot loader makes the guard
    arm the trial boot.
    """
    return f"nix-env --profile {PROFILE} --set {path}; {path}/bin/switch-to-configuration boot"


def settled(computer: Computer) -> State:
    """Wait for the guard's verdict, which may take several boots."""
    idle = (
        "systemctl show --value --property=ActiveState uecho-guard.service | grep"
        " --quiet --line-regexp -e inactive -e failed"
    )
    deadline = time.monotonic() + VERDICT_SECONDS
    while True:
        try:
            state = State.of(computer)
            if state.at_rest and computer.run(idle)[0] == 0:
                return state
        except Rebooted:
            continue
        if time.monotonic() > deadline:
            raise RunnerError(f"no verdict within {VERDICT_SECONDS} s: {state}")
        # A look costs the machine more than that time does.
        time.sleep(5)


def check_complete(computer: Computer, state: State) -> None:
    """Check that the running version is whole, serves as itself, is the last good one, and is the one that
    the boot loader starts next.
    """
    computer.succeed(f"nix-store --verify-path {state.running}")
    computer.succeed(f"uecho probe --expect-system $(uecho-toplevel identity {state.running})")
    require(
        state.running == state.last_good, f"{state.running} runs, but {state.last_good} is the last good one"
    )
    require(state.default == state.running, f"{state.running} runs, but {state.default} is the default")
    require(state.oneshot is None, f"{state.oneshot} is still set for one boot")
    # bootctl complains on standard error about files that are not entries.
    entries = json.loads(computer.succeed("bootctl list --json=short"))
    default = [entry.get("options", "") for entry in entries if entry.get("isDefault")]
    require(
        len(default) == 1 and f"init={state.running}/init" in default[0],
        f"the default of bootctl is {default}",
    )


def require(holds: bool, claim: str) -> None:
    """Fail with `claim` unless the condition holds."""
    if not holds:
        raise RunnerError(claim)
