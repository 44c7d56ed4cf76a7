"""State that is damaged, lost, or taken away on purpose: what runs goes on, and what was found bad stays bad,
by what is on the boot partition.
"""

import random
import subprocess

import eyes
import lab
from channel import Rebooted
from full import parts_of
from lab import require
from updates import BETTER, FIRST, FORGOTTEN, LEFT, SAYS_WRONG, UPDATE_SECONDS, WRONG, Bench, Case, refused

# The end of what says that /var is ext4, and the beginning of the first copy of that and of what follows it.
SUPERBLOCK, BACKUP = 2048, 8 << 20
CANARY = "/var/lib/canary"
STATE_ID = "blkid --probe --match-tag=UUID --output=value /dev/disk/by-partlabel/var"


def wipe(bench: Bench) -> None:
    """Nothing says any more that there was a file system."""
    write(bench, 0, bytes(BACKUP))


def scramble(bench: Bench) -> None:
    """It still says that it is ext4, and what it has is found nowhere else than in its copies. That takes two
    boots: what the first one has repaired cannot be mounted yet.
    """
    noise = random.Random(1).randbytes(BACKUP - SUPERBLOCK)
    write(bench, SUPERBLOCK, noise)


def remove(bench: Bench) -> None:
    """The partition table does not list it."""
    subprocess.run(
        ["sfdisk", "--quiet", "--delete", bench.computer.hardware.disk, "6"], check=True, capture_output=True
    )


def state_lost(bench: Bench) -> str:
    """/var is made anew, or repaired, without a human; what was bad is known from the boot partition."""
    computer = bench.computer
    bench.try_out(WRONG)
    bench.claim(FIRST, LEFT, {WRONG: SAYS_WRONG})
    for harm in (wipe, scramble, remove):
        computer.succeed(f"touch {CANARY}; sync")
        before = computer.succeed(STATE_ID)
        computer.power_off()
        harm(bench)
        computer.boot()
        lab.settled(computer)
        bench.claim(FIRST, LEFT, FORGOTTEN)
        require(computer.run(f"test -e {CANARY}")[0] != 0, f"{harm.__name__}: the state is still there")
        require(
            (computer.succeed(STATE_ID) != before) == (harm is not scramble),
            f"{harm.__name__}: the file system is {before} before and {computer.succeed(STATE_ID)} after",
        )
        left_alone(bench)
    code = bench.try_out(BETTER)
    bench.claim(BETTER, [f"uecho_{FIRST}.efi", f"uecho_{BETTER}.efi"], FORGOTTEN)
    return f"{FIRST}, {WRONG} quarantined each time; then {BETTER}, blessed, verdict {code}"


def left_alone(bench: Bench) -> None:
    """A bad version is not installed, be it by its name or because it is the newest."""
    refused(bench, WRONG)
    status, said, _ = bench.computer.run("uecho-guard update")
    require((status, "up to date" in said) == (0, True), f"the newest: {status}, {said}")


def factory_reset(bench: Bench) -> str:
    """The state is gone and the version is not; it happens once."""
    computer = bench.computer
    bench.try_out(WRONG)
    bench.claim(FIRST, LEFT, {WRONG: SAYS_WRONG})
    computer.succeed(f"touch {CANARY}; sync")
    state, slots = computer.succeed(STATE_ID), parts_of(bench).splitlines()
    channel = computer.connected()
    try:
        _, said, complained = channel.run("uecho-guard factory-reset; sleep 60", UPDATE_SECONDS)
        require(False, f"no reboot: {said}{complained}")
    except Rebooted:
        pass
    code = lab.settled(computer).code
    bench.claim(FIRST, LEFT, FORGOTTEN)
    require(computer.run(f"test -e {CANARY}")[0] != 0, "the state is still there")
    require(computer.succeed(STATE_ID) != state, "the file system is the same")
    # All but the line of /var, whose partition is a new one.
    changed = [line for line in parts_of(bench).splitlines() if line not in slots]
    require([line.split()[:2] for line in changed] == [["vda6", "var"]], f"changed: {changed}")
    left_alone(bench)
    computer.succeed(f"touch {CANARY}; sync")
    computer.power_cut()
    computer.boot()
    lab.settled(computer)
    bench.claim(FIRST, LEFT, FORGOTTEN)
    computer.succeed(f"test -e {CANARY}")
    return f"{FIRST}, verdict {code}, {WRONG} quarantined; also after a power cut"


def write(bench: Bench, position: int, content: bytes) -> None:
    """Write into the partition of /var while the machine is off."""
    file = bench.computer.hardware.disk
    with open(file, "r+b") as disk:
        disk.seek(eyes.parts_of(file)["var"].start + position)
        disk.write(content)


CASES = (
    Case("state-lost", state_lost, 7),
    Case("factory-reset", factory_reset, 4),
)
