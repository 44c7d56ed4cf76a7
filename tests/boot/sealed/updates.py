"""Updates of a machine with image slots, from the web server to the verdict: a good version, one that answers
wrong, one that panics, and a power cut in the middle of a download.

Each case has a machine of its own, on which the first version has been blessed.
"""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import lab
from channel import Rebooted
from computer import COMMAND_SECONDS, Computer
from errors import RunnerError
from hardware import Hardware
from lab import require
from publisher import Publisher
from server import Hold, Server
from table import Result
from version import Version

FIRST, GOOD, WRONG, PANICS, BETTER = "1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"
VERSIONS = {GOOD: "good", WRONG: "wrong", PANICS: "panic", BETTER: "good"}
TRIES = 3
UPDATE = "uecho-update.service"
# For a download, a check of the whole slot, and all boots until one is up: emulated, on a busy machine.
UPDATE_SECONDS = 3600
# After this time a machine that still answers does not reboot.
SHUTDOWN_SECONDS = 60
PARTITIONS = 6
# What is said about a version that answers wrong, and about one that never gets a verdict.
SAYS_WRONG, NO_VERDICT = "system is `another-version`", f"no verdict in {TRIES} boots"
# What is on the boot partition after WRONG, and what the guard finds there when it has no memory of its own.
LEFT = [f"uecho_{FIRST}.efi", f"uecho_{WRONG}+0-1.efi"]
FORGOTTEN = {WRONG: "its boot counter is used up"}
JOURNAL = "journalctl --boot --no-pager --identifier=uecho-guard --lines=20 --output=cat"


@dataclass(frozen=True)
class Bench:
    """A machine, and the server that it asks."""

    computer: Computer
    server: Server
    channel: Path
    publisher: Publisher
    versions: dict[str, Version]

    def publish(self, name: str, *options: object) -> None:
        """Publish a version, as the only one."""
        shutil.rmtree(self.channel)
        self.channel.mkdir()
        published = self.publisher.publish(self.channel, *options, self.versions[name].payload)
        if published.status != 0:
            raise RunnerError(f"publishing {name}: {published.said}")

    def update(self) -> None:
        """Have the machine update itself; returns when it has booted again, whichever version that is."""
        channel = self.computer.connected()
        try:
            # The reboot cancels what starts it, or ends who would tell.
            channel.run(f"systemctl start {UPDATE}", UPDATE_SECONDS)
            status, said, _ = channel.run(f"sleep {SHUTDOWN_SECONDS}; {JOURNAL}", UPDATE_SECONDS)
            if status == 0:
                raise RunnerError(f"{UPDATE} has ended without a reboot:\n{said}")
            channel.wait_for_boot(UPDATE_SECONDS)
        except Rebooted:
            return

    def try_out(self, name: str, *options: object) -> int | None:
        """Publish a version and have the machine update to it; the code of the last verdict after that."""
        self.publish(name, *options)
        self.update()
        return lab.settled(self.computer).code

    def claim(self, running: str, files: list[str], quarantined: dict[str, str] | None = None) -> None:
        """Check which version runs, from which store, as what; which files are on the boot partition, and
        which versions are in quarantine, and why.
        """
        computer, version = self.computer, self.versions[running]
        status = json.loads(computer.succeed("uecho-guard status --json"))
        for key in ("running", "installed", "boot_default", "last_good", "next_boot"):
            require(status[key] == running, f"{key} is {status[key]}, not {running}")
        require(status["state"] == "blessed", f"{running} is {status['state']}")
        require(status["slots"]["floor"] == running, f"the floor is {status['slots']['floor']}")
        reasons = {entry["version"]: entry["reason"] for entry in status["quarantined"]}
        expected = quarantined or {}
        require(
            reasons.keys() == expected.keys()
            and all(part in reasons[name] for name, part in expected.items()),
            f"in quarantine: {reasons}, expected: {expected}",
        )
        command_line = computer.succeed("cat /proc/cmdline")
        require(f"usrhash={version.root_hash}" in command_line, f"not the store of {running}: {command_line}")
        require(
            computer.succeed("findmnt --noheadings --output=SOURCE /usr").strip() == "/dev/mapper/usr",
            "/usr is not verified",
        )
        computer.succeed(f"uecho probe --expect-system {running}")
        # systemd-bless-boot renames after the verdict.
        deadline = time.monotonic() + COMMAND_SECONDS / 5
        while (found := computer.succeed("ls /boot/EFI/Linux").split()) != files:
            require(time.monotonic() < deadline, f"on the boot partition: {found}, expected: {files}")
            time.sleep(1)
        entries = json.loads(computer.succeed("bootctl list --json=short"))
        default = [entry["id"] for entry in entries if entry.get("isDefault")]
        require(default == [f"uecho_{running}.efi"], f"the default of bootctl is {default}")
        partitions = computer.succeed("lsblk --noheadings --list --output=TYPE /dev/vda").split()
        require(partitions.count("part") == PARTITIONS, f"partitions: {partitions}")


def fails(bench: Bench, code: int) -> str:
    """An update that must end like this; return the line that it says about it."""
    computer = bench.computer
    status = computer.connected().run(f"systemctl start {UPDATE}", UPDATE_SECONDS)[0]
    ended = computer.succeed(f"systemctl show --value --property=ExecMainStatus {UPDATE}").strip()
    said = computer.succeed(JOURNAL)
    require(status != 0 and ended == str(code), f"{UPDATE} has ended with {ended}, not {code}:\n{said}")
    return said.splitlines()[-1]


def refused(bench: Bench, name: str) -> None:
    """A version in quarantine is not installed by its name."""
    status, said, _ = bench.computer.run(f"uecho-guard update --to {name}")
    require((status, "quarantined" in said) == (6, True), f"{name} by name: {status}, {said}")


def good(bench: Bench) -> str:
    """One update, one boot on trial, and from then on the machine boots it when nobody intervenes."""
    code = bench.try_out(GOOD)
    files = [f"uecho_{FIRST}.efi", f"uecho_{GOOD}.efi"]
    bench.claim(GOOD, files)
    bench.computer.power_cut()
    bench.computer.boot()
    lab.settled(bench.computer)
    bench.claim(GOOD, files)
    return f"{GOOD}, blessed, verdict {code}; also after a power cut"


def wrong(bench: Bench) -> str:
    """It comes up and answers as another version: no second boot of it."""
    code = bench.try_out(WRONG)
    bench.claim(FIRST, LEFT, {WRONG: SAYS_WRONG})
    return f"{FIRST}, {WRONG} quarantined, verdict {code}"


def panics(bench: Bench) -> str:
    """It panics before it can be judged, as often as the boot loader starts it."""
    code = bench.try_out(PANICS)
    files = [f"uecho_{FIRST}.efi", f"uecho_{PANICS}+0-{TRIES}.efi"]
    bench.claim(FIRST, files, {PANICS: NO_VERDICT})
    return f"{FIRST}, {PANICS} quarantined, verdict {code}"


def cut(bench: Bench) -> str:
    """The power is cut with half of the store written; the next update needs no human."""
    bench.publish(GOOD)
    hold = bench.server.hold = Hold(".store.zst", 0.5)
    computer = bench.computer
    computer.succeed(f"systemctl start --no-block {UPDATE}")
    require(hold.reached.wait(COMMAND_SECONDS), f"{UPDATE} does not download")
    computer.power_cut()
    bench.server.hold = None
    hold.over.set()
    computer.boot()
    lab.settled(computer)
    bench.claim(FIRST, [f"uecho_{FIRST}.efi"])
    left = json.loads(computer.succeed("uecho-guard status --json"))["slots"]["half_written"]
    require(left == [GOOD], f"half written is {left}: the cut was not in the download")
    bench.update()
    code = lab.settled(computer).code
    bench.claim(GOOD, [f"uecho_{FIRST}.efi", f"uecho_{GOOD}.efi"])
    return f"{GOOD}, blessed, verdict {code}"


@dataclass(frozen=True)
class Case:
    """A case, and the boots that it must take from the update to the last verdict."""

    name: str
    run: Callable[[Bench], str]
    boots: int
    # What is done to the machine beforehand, while it is off.
    prepare: Callable[[Hardware], Hardware] = lambda hardware: hardware
    # What it needs besides the version that is shipped, with the behaviours.
    versions: dict[str, str] = field(default_factory=lambda: VERSIONS)
    # The version that the machine is shipped with, and its behaviour. Any other one has not been booted yet.
    ships: tuple[str, str] = (FIRST, "good")


CASES = (
    Case("good", good, 2, versions={GOOD: "good"}),
    Case("answers-wrong", wrong, 2, versions={WRONG: "wrong"}),
    Case("panics", panics, TRIES + 1, versions={PANICS: "panic"}),
    Case("power-cut", cut, 2, versions={GOOD: "good"}),
)


def run(case: Case, bench: Bench) -> Result:
    """Run a case; return its line of the table."""
    computer = bench.computer
    if case.ships == Case.ships:
        if computer.hardware.memory is not None:
            computer.resume()
        else:
            computer.boot()
            lab.settled(computer)
        bench.claim(FIRST, [f"uecho_{FIRST}.efi"])
    begin, before = time.monotonic(), computer.boots_so_far()
    ends_on = case.run(bench)
    seconds, boots = time.monotonic() - begin, computer.boots_so_far() - before
    require(boots == case.boots, f"{boots} boots instead of {case.boots}")
    return Result(case.name, boots, seconds, ends_on)
