"""Power cuts at random moments of installing, booting, switching and going back. After each, the machine must
boot by itself with a complete version that serves, and with a readable ledger."""

import time
from dataclasses import dataclass
from random import Random

import lab
from computer import COMMAND_SECONDS, Computer
from table import Result

SAME_KERNEL = "$(cut --delimiter=' ' --fields=2 /run/booted-system/kernel)"
WITNESS = "/var/lib/power-cut"


@dataclass(frozen=True)
class Operation:
    """What a power cut interrupts, and how long it takes at most, in times from power on to a verdict."""

    name: str
    good: bool
    reboots: bool
    span: float


OPERATIONS = (
    Operation("trial boot of a good version", good=True, reboots=True, span=1.3),
    Operation("trial boot of a bad version", good=False, reboots=True, span=2.2),
    Operation("switch to a good version", good=True, reboots=False, span=0.5),
    Operation("switch to a bad version", good=False, reboots=False, span=0.6),
)


def command(operation: Operation, label: str) -> str:
    """Return bash that makes a version, and installs or switches to it; the guard does the rest."""
    kind = "good" if operation.good else "receipt"
    if operation.reboots:
        return f"path=$({lab.make(label, kind)}); {lab.install('$path')}; systemctl reboot"
    return f"uecho-toplevel deploy $({lab.make(label, kind, kernel=SAME_KERNEL)})"


def run(computer: Computer, cuts: int, random: Random) -> list[Result]:
    """Cut the power of the same machine again and again; return one line of the table for each cut."""
    begin = time.monotonic()
    computer.boot()
    state = lab.settled(computer)
    boot_seconds = time.monotonic() - begin
    check_lost(computer)
    results = []
    for number in range(1, cuts + 1):
        # Each kind comes as often as the others, as far as the number of cuts allows.
        operation = OPERATIONS[(number - 1) % len(OPERATIONS)]
        label = f"cut-{number}"
        after = random.uniform(0, operation.span * boot_seconds)
        computer.connected().send(command(operation, label), COMMAND_SECONDS)
        time.sleep(after)
        computer.power_cut()
        print(f"     cut {number} after {after:.1f} s: {operation.name}", flush=True)
        begin, before = time.monotonic(), computer.boots_so_far()
        computer.boot()
        old, state = state, lab.settled(computer)
        while state.oneshot:
            # A version whose trial boot had reached the guard gets another trial boot.
            lab.require(state.oneshot.endswith(f"-{label}"), f"{state.oneshot} is set for one boot")
            print(f"     cut {number}: the trial boot is repeated", flush=True)
            computer.restart()
            state = lab.settled(computer)
        seconds, boots = time.monotonic() - begin, computer.boots_so_far() - before
        lab.check_complete(computer, state)
        new = state.running != old.running
        if new:
            lab.require(operation.good, f"a bad version runs: {state}")
            lab.require(
                state.running.endswith(f"-{label}"),
                f"{state.running} runs, neither the old nor the new version",
            )
        ends_on = f"the {'new' if new else 'old'} version, verdict {state.code}"
        results.append(Result(f"power cut {after:.0f} s into: {operation.name}", boots, seconds, ends_on))
    return results


def check_lost(computer: Computer) -> None:
    """Check that a power cut is real: synced data survives it, and other data is lost."""
    computer.succeed(
        f"echo here > {WITNESS}-synced; sync --file-system {WITNESS}-synced; echo gone > {WITNESS}-lost"
    )
    computer.power_cut()
    computer.boot()
    lab.settled(computer)
    computer.succeed(f"test -s {WITNESS}-synced; test ! -s {WITNESS}-lost")
