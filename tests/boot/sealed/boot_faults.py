"""Versions that do not get out of their initrd: each boot of theirs is ended by what must end it. And several
bad versions on one machine, until there is no good one left.
"""

import json
import subprocess

import eyes
import lab
from hardware import Hardware
from lab import require
from updates import FIRST, GOOD, LEFT, NO_VERDICT, SAYS_WRONG, TRIES, WRONG, Bench, Case, refused

PANICS_EARLY, HANGS, FREEZES, WORSE = "1.3.1", "1.3.2", "1.3.3", "1.2.1"
# Of a machine on which nothing is good until GOOD comes.
SHIPPED_BAD, STILL_BAD = "0.8.0", "0.9.0"
CRASHED = "Kernel panic - not syncing: sysrq triggered crash"
TIMED_OUT = "Forcibly rebooting: job timed out"
# Two boots would be over in this time if the machine went on rebooting.
IDLE_SECONDS = 60


def ended_by(bench: Bench) -> dict[str, int]:
    """How often what has ended boots so far."""
    computer = bench.computer
    console = computer.console.read_text(errors="replace")
    return {
        "panic": console.count(CRASHED),
        "job": console.count(TIMED_OUT),
        "watchdog": computer.monitored().events.count("WATCHDOG"),
    }


def unbootable(bench: Bench, name: str, end: str) -> str:
    """Every boot of the version ends in this way, and the machine comes back."""
    code = bench.try_out(name)
    bench.claim(FIRST, [f"uecho_{FIRST}.efi", f"uecho_{name}+0-{TRIES}.efi"], {name: NO_VERDICT})
    ends = ended_by(bench)
    require(ends == dict.fromkeys(ends, 0) | {end: TRIES}, f"boots of {name} have ended by {ends}")
    return f"{FIRST}, {name} quarantined, verdict {code}"


def panics(bench: Bench) -> str:
    """The kernel reboots."""
    return unbootable(bench, PANICS_EARLY, "panic")


def hangs(bench: Bench) -> str:
    """The initrd waits for something: its service manager reboots."""
    return unbootable(bench, HANGS, "job")


def freezes(bench: Bench) -> str:
    """The service manager of the initrd is dead: the hardware resets the machine."""
    return unbootable(bench, FREEZES, "watchdog")


def offered_and_refused(bench: Bench, name: str) -> None:
    """The version is not installed, whether its slot still has it or not."""
    bench.publish(name)
    refused(bench, name)


def two_in_a_row(bench: Bench) -> str:
    """The second one takes the slot of the first one, and what is known of that one stays."""
    bench.try_out(WRONG)
    bench.claim(FIRST, LEFT, {WRONG: SAYS_WRONG})
    offered_and_refused(bench, WRONG)
    code = bench.try_out(WORSE)
    files, bad = [f"uecho_{FIRST}.efi", f"uecho_{WORSE}+0-1.efi"], {WRONG: SAYS_WRONG, WORSE: SAYS_WRONG}
    bench.claim(FIRST, files, bad)
    for name in bad:
        offered_and_refused(bench, name)
    bench.claim(FIRST, files, bad)
    return f"{FIRST}, {WRONG} and {WORSE} quarantined and refused, verdict {code}"


def counted(hardware: Hardware) -> Hardware:
    """What was shipped is not taken for good, as a boot image without a counter would be."""
    esp = f"{hardware.disk}@@{eyes.parts_of(hardware.disk)['esp'].start}"
    name = f"::/EFI/Linux/uecho_{SHIPPED_BAD}"
    command = ["mren", "-i", esp, f"{name}.efi", f"{name}+{TRIES}-0.efi"]
    subprocess.run(command, check=True, capture_output=True)
    return hardware


def says_so(bench: Bench, name: str, bad: set[str]) -> None:
    """The machine stays up with a version that is bad like all others, and says that."""
    state = lab.settled(bench.computer)
    require((state.code, state.running) == (5, name), f"not {name} with verdict 5: {state}")
    boots = bench.computer.boots_so_far()
    bench.computer.succeed(f"sleep {IDLE_SECONDS}")
    require(bench.computer.boots_so_far() == boots, "it reboots all the same")
    status = json.loads(bench.computer.succeed("uecho-guard status --json"))
    found = {entry["version"] for entry in status["quarantined"]}
    require(found == bad and status["last_good"] is None, f"in quarantine: {found}, not {bad}: {status}")
    said = bench.computer.succeed(
        "journalctl --boot --identifier=uecho-guard --output=cat EVENT=nowhere_to_go"
    )
    require(f"nothing to go back to from {name}" in said, f"the journal does not say so: {said}")
    # It answers, as what it is not.
    bench.computer.succeed("uecho probe --expect-system another-version")


def all_bad(bench: Bench) -> str:
    """The first version is bad, and so is the next one: the machine stays up, also after a power cut, and a
    good one needs no human.
    """
    computer = bench.computer
    computer.boot()
    says_so(bench, SHIPPED_BAD, {SHIPPED_BAD})
    bench.try_out(STILL_BAD)
    both = {SHIPPED_BAD, STILL_BAD}
    says_so(bench, STILL_BAD, both)
    computer.power_cut()
    computer.boot()
    says_so(bench, STILL_BAD, both)
    bench.publish(GOOD)
    bench.update()
    code = lab.settled(computer).code
    bench.claim(GOOD, [f"uecho_{STILL_BAD}+0-2.efi", f"uecho_{GOOD}.efi"], dict.fromkeys(both, SAYS_WRONG))
    return f"{STILL_BAD}, verdict 5, stays up; then {GOOD}, blessed, verdict {code}"


CASES = (
    Case("panics-in-initrd", panics, TRIES + 1, versions={PANICS_EARLY: "panic-in-initrd"}),
    Case("hangs-in-initrd", hangs, TRIES + 1, versions={HANGS: "hang-in-initrd"}),
    Case("freezes-in-initrd", freezes, TRIES + 1, versions={FREEZES: "freeze-in-initrd"}),
    Case("two-bad-in-a-row", two_in_a_row, 4, versions={WRONG: "wrong", WORSE: "wrong"}),
    Case(
        "all-bad",
        all_bad,
        4,
        prepare=counted,
        versions={STILL_BAD: "wrong", GOOD: "good"},
        ships=(SHIPPED_BAD, "wrong"),
    ),
)
