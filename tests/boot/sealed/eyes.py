"""What the host sees of a machine while it runs: the lines of its journal, and which part of its disk it
writes to. With these, the power is cut at a moment of the machine's own time, however slow it is.
"""

import json
import re
import subprocess
import time
from collections import deque
from pathlib import Path

from computer import Computer
from errors import RunnerError

SECTOR = 512
# As nbdkit's log filter has them: a request when it comes, and its end.
WRITE = re.compile(r" (?:Write|Zero|Trim) id=\d+ offset=0x([0-9a-f]+) ")
FLUSH = re.compile(r" Flush id=\d+")
FLUSHED = re.compile(r" \.\.\.Flush id=\d+ ")
# Shorter than what a machine does between two writes.
GLANCE_SECONDS = 0.002


class Tail:
    """The lines that are added to a file from now on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skip()

    def skip(self) -> None:
        """Forget what has been added so far."""
        self.read, self.rest = self.path.stat().st_size, ""
        self.pending: deque[str] = deque()

    def line(self, deadline: float) -> str:
        """Wait for the next line."""
        while not self.pending:
            if time.monotonic() > deadline:
                raise RunnerError(f"what was waited for does not appear in {self.path}")
            with self.path.open("rb") as stream:
                stream.seek(self.read)
                added = stream.read()
            self.read += len(added)
            *lines, self.rest = (self.rest + added.decode(errors="replace")).split("\n")
            self.pending.extend(lines)
            if not lines:
                time.sleep(GLANCE_SECONDS)
        return self.pending.popleft()

    def match(self, pattern: re.Pattern[str], deadline: float) -> re.Match[str]:
        """Wait for the next line that has the pattern in it."""
        while (found := pattern.search(self.line(deadline))) is None:
            pass
        return found


class Eyes:
    """Look at one machine from now on."""

    def __init__(self, computer: Computer, parts: dict[str, range]) -> None:
        self.parts = parts
        self.journal, self.requests = Tail(computer.journal), Tail(computer.requests)

    def wait_for_line(self, text: str, seconds: float) -> None:
        """Wait for a line of the journal; what was written to the disk before it does not count."""
        self.journal.match(re.compile(re.escape(text)), time.monotonic() + seconds)
        self.requests.skip()

    def wait_for_write(self, part: str, number: int, seconds: float) -> None:
        """Wait for the request of a write to a part of the disk, the first one or a later one."""
        deadline = time.monotonic() + seconds
        while number:
            found = self.requests.match(WRITE, deadline)
            number -= int(found[1], 16) in self.parts[part]

    def wait_for_flush(self, seconds: float) -> None:
        """Wait until what was written so far is there for good."""
        deadline = time.monotonic() + seconds
        self.requests.match(FLUSH, deadline)
        self.requests.match(FLUSHED, deadline)


def parts_of(disk: Path) -> dict[str, range]:
    """Return where the parts of a disk are, in bytes: the partition table, and the partitions in the order of
    the image. The last one is made in the first boot.
    """
    command = ["sfdisk", "--json", str(disk)]
    table = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["partitiontable"]
    found = [
        range(row["start"] * SECTOR, (row["start"] + row["size"]) * SECTOR) for row in table["partitions"]
    ]
    names = ["esp", "verity-a", "store-a", "verity-b", "store-b"]
    if len(found) > len(names):
        names.append("var")
    return {"table": range(found[0].start), **dict(zip(names, found, strict=True))}


def boot_images(disk: Path, esp: range) -> list[str]:
    """Return the names of the boot images on a disk that is at rest."""
    command = ["mdir", "-b", "-i", f"{disk}@@{esp.start}", "::/EFI/Linux"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    names = sorted(line.strip().rpartition("/")[2] for line in said.splitlines() if line.strip())
    return [name for name in names if not name.startswith(".")]
