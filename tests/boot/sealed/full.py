"""Disks without room: a boot partition that is full refuses an update and nothing else, and a /var that is
full costs the machine neither its verdicts nor its updates.
"""

import lab
from lab import require
from updates import BETTER, FIRST, FORGOTTEN, GOOD, LEFT, WRONG, Bench, Case, fails, refused

# Until there is no room, not for a single block: ext4 keeps some for what it has not written yet.
FILL = (
    "cat /dev/zero >{0}/filler || sync --file-system {0}/filler;"
    " ! dd if=/dev/zero of={0}/filler bs=4K oflag=append,direct conv=notrunc;"
    " if head --bytes=4K /dev/zero >{0}/probe; then exit 1; fi; rm {0}/probe"
)


def parts_of(bench: Bench) -> str:
    """What an update that is refused leaves alone: partitions, boot entries, and what is in the slots."""
    return bench.computer.succeed(
        "lsblk --noheadings --list --output=NAME,PARTLABEL,PARTUUID,PARTTYPE /dev/vda;"
        " sha256sum /boot/EFI/Linux/*; for slot in 2 3 4 5; do sha256sum /dev/vda$slot; done"
    )


def boot_partition_full(bench: Bench) -> str:
    """The update is refused before anything is written; with room, the same one succeeds."""
    bench.publish(GOOD)
    bench.computer.succeed(FILL.format("/boot"))
    before = parts_of(bench)
    said = fails(bench, 70)
    require("the boot partition has room for 0 MiB" in said, f"the boot partition is not named: {said}")
    after = parts_of(bench)
    require(after == before, f"what was\n{before}is now\n{after}")
    bench.claim(FIRST, [f"uecho_{FIRST}.efi"])
    bench.computer.succeed("rm /boot/filler")
    bench.update()
    code = lab.settled(bench.computer).code
    bench.claim(GOOD, [f"uecho_{FIRST}.efi", f"uecho_{GOOD}.efi"])
    return f"refused, then {GOOD}, blessed, verdict {code}"


def state_full(bench: Bench) -> str:
    """A bad version is left, found again by its boot entry, and remembered from then on; a good one is
    installed and blessed, also after a power cut. /var is full before each update; at a boot, journald may
    give up an old journal.
    """
    computer = bench.computer
    computer.succeed(FILL.format("/var"))
    bench.try_out(WRONG)
    bench.claim(FIRST, LEFT, FORGOTTEN)
    refused(bench, WRONG)
    computer.succeed(FILL.format("/var"))
    code = bench.try_out(BETTER)
    files = [f"uecho_{FIRST}.efi", f"uecho_{BETTER}.efi"]
    bench.claim(BETTER, files, FORGOTTEN)
    computer.power_cut()
    computer.boot()
    lab.settled(computer)
    bench.claim(BETTER, files, FORGOTTEN)
    computer.succeed("rm /var/filler")
    return f"{BETTER}, blessed, verdict {code}"


CASES = (
    Case("boot-partition-full", boot_partition_full, 1),
    Case("state-full", state_full, 4),
)
