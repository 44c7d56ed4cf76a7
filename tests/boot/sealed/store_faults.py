"""One flipped bit in the store of the other slot: in what every boot reads, in what is read while the version
is judged, and in what nothing reads.
"""

import json
import re

import lab
from channel import Rebooted
from computer import COMMAND_SECONDS
from lab import require
from server import Hold
from stand_in import BLOB as BLOB_FILE
from updates import FIRST, GOOD, NO_VERDICT, TRIES, UPDATE, UPDATE_SECONDS, Bench, Case, fails

LATE = "1.5.0"
# The second slot, which the first update fills.
STORE, VERITY = "/dev/vda5", "/dev/vda4"
# As systemd starts after the initrd, and so the first file that is read of all of a store.
EARLY = "/lib/systemd/systemd"
CORRUPT = "Kernel panic - not syncing: dm-verity device corrupted"
BLOB = f"/{BLOB_FILE.removeprefix('usr/')}"
# The first bytes of a file on the disk, as `dump.erofs -e` lists them:
# "   0:        0..   16384 |   16384 :    1359872..   1368064 |    8192"
EXTENT = re.compile(r"^\s*0:\s*0\.\.\s*\d+\s*\|\s*\d+\s*:\s*(\d+)\.\.", re.MULTILINE)
FLIP = """\
import os, sys
with open(sys.argv[1], "r+b", buffering=0) as disk:
    position = int(sys.argv[2])
    disk.seek(position)
    (byte,) = disk.read(1)
    disk.seek(position)
    disk.write(bytes([byte ^ 1]))
    os.fsync(disk.fileno())
"""


def install(bench: Bench, name: str) -> None:
    """Publish a version and have it installed, checked, and not started yet."""
    bench.publish(name)
    computer = bench.computer
    # Gone with the next boot, as all of /etc.
    computer.succeed("printf '[slots]\\nafter_update = \"wait\"\\n' >>/etc/uecho/guard.toml")
    status, said, complained = computer.connected().run(f"systemctl start {UPDATE}", UPDATE_SECONDS)
    require(status == 0, f"{UPDATE}: {said}{complained}")
    staged = json.loads(computer.succeed("uecho-guard status --json"))["slots"]["staged"]
    require(staged == name, f"{staged} is staged, not {name}")


def reboot(bench: Bench) -> int | None:
    """Reboot, however many boots that takes; the code of the verdict after them."""
    channel = bench.computer.connected()
    channel.send("systemctl --no-block reboot", COMMAND_SECONDS)
    channel.wait_for_boot(UPDATE_SECONDS)
    return lab.settled(bench.computer).code


def flip(bench: Bench, path: str) -> None:
    """Flip a bit in the first block of a file of the other slot, wherever that lies."""
    computer = bench.computer
    said = computer.succeed(f"dump.erofs -e --path={path} {STORE}")
    found = EXTENT.search(said)
    require(found is not None, f"where {path} is: {said}")
    assert found is not None
    computer.succeed(f"python3 -c '{FLIP}' {STORE} {int(found[1]) + 100}")


def verify(bench: Bench, name: str) -> int:
    """Compare all of the other slot with its root hash; return what veritysetup ends with."""
    command = f"veritysetup verify {STORE} {VERITY} {bench.versions[name].root_hash}"
    return bench.computer.run(command)[0]


def corrupt(bench: Bench) -> int:
    """How many boots have ended because the store is not what was signed."""
    return bench.computer.console.read_text(errors="replace").count(CORRUPT)


def unreadable(bench: Bench, name: str, path: str) -> str:
    """Every boot ends when the file is read, and the machine comes back."""
    install(bench, name)
    require(verify(bench, name) == 0, f"{name} was not installed whole")
    flip(bench, path)
    code = reboot(bench)
    files = [f"uecho_{FIRST}.efi", f"uecho_{name}+0-{TRIES}.efi"]
    bench.claim(FIRST, files, {name: NO_VERDICT})
    require(corrupt(bench) == TRIES, f"{corrupt(bench)} boots have ended by the store, not {TRIES}")
    return f"{FIRST}, {name} quarantined, verdict {code}"


def early(bench: Bench) -> str:
    """In the program that the initrd hands over to."""
    return unreadable(bench, GOOD, EARLY)


def late(bench: Bench) -> str:
    """In a file that is read when the version has passed its first look."""
    said = unreadable(bench, LATE, BLOB)
    journal = bench.computer.journal.read_text(errors="replace")
    trials = journal.count(f"on trial: {LATE}")
    require(trials == TRIES, f"{trials} boots of {LATE} have come to their trial, not {TRIES}")
    return said


def never(bench: Bench) -> str:
    """Nothing reads it. While it is installed, the check of the whole slot finds it. Afterwards nobody does
    until it is read: the version is good, and a boot without that file ends on it.
    """
    computer = bench.computer
    bench.publish(GOOD)
    # The store has been written by then.
    hold = bench.server.hold = Hold(".efi", 0.5)
    computer.succeed(f"systemctl start --no-block {UPDATE}")
    require(hold.reached.wait(COMMAND_SECONDS), f"{UPDATE} does not download")
    flip(bench, BLOB)
    bench.server.hold = None
    hold.over.set()
    said = fails(bench, 70)
    require("veritysetup" in said, f"the check of the slot is not named: {said}")
    bench.claim(FIRST, [f"uecho_{FIRST}.efi"])
    install(bench, GOOD)
    require(verify(bench, GOOD) == 0, f"{GOOD} was not installed whole")
    flip(bench, BLOB)
    code = reboot(bench)
    files = [f"uecho_{FIRST}.efi", f"uecho_{GOOD}.efi"]
    bench.claim(GOOD, files)
    require(verify(bench, GOOD) != 0, "veritysetup does not find the bit")
    require(corrupt(bench) == 0, "something has read it")
    try:
        computer.connected().run(f"cat /usr{BLOB}", UPDATE_SECONDS)
        require(False, f"{BLOB} can be read")
    except Rebooted:
        pass
    lab.settled(computer)
    require(corrupt(bench) == 1, f"{corrupt(bench)} boots have ended by the store, not 1")
    bench.claim(GOOD, files)
    return f"not installed; then {GOOD}, blessed, verdict {code}, also when it was read"


CASES = (
    Case("flipped-bit-read-early", early, TRIES + 1, versions={GOOD: "good"}),
    Case("flipped-bit-read-late", late, TRIES + 1, versions={LATE: "late"}),
    Case("flipped-bit-never-read", never, 2, versions={GOOD: "good"}),
)
