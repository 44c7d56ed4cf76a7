"""A disk of the appliance on a loop device: boot partition, two slots, the partition for what outlives them.

What a refusal must not change is seen here: the bytes of the partition table and of the boot partition, and
those of a slot.
"""

import ctypes
import fcntl
import hashlib
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from errors import RunnerError

MIB = 1 << 20
STORE_BYTES = 4 * MIB
VERITY_BYTES = 1 * MIB
EMPTY = "_empty"
SECTOR = 512
# Types of the Discoverable Partitions Specification for x86-64, and a type of our own.
USR = "8484680C-9521-48C6-9C11-B0720656F69E"
USR_VERITY = "77FF5F63-E7B6-4633-ACF4-1565B864C0E6"
ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
VAR = "4D21B016-B534-45C2-A9FB-5C16E091FD2D"
LAYOUT = f"""label: gpt
start=1MiB, size=16MiB, type={ESP}, name=esp
size={VERITY_BYTES // SECTOR}, type={USR_VERITY}, name={EMPTY}
size={STORE_BYTES // SECTOR}, type={USR}, name={EMPTY}
size={VERITY_BYTES // SECTOR}, type={USR_VERITY}, name={EMPTY}
size={STORE_BYTES // SECTOR}, type={USR}, name={EMPTY}
size=2MiB, type={VAR}, name=var
"""
DISK_BYTES = 32 * MIB
PARTITIONS = 6
# Partition numbers: (hash tree, store) of slots A and B.
SLOTS = ((2, 3), (4, 5))

MAKE_BOOT = {
    "vfat": ["mkfs.vfat", "-n", "ESP"],
    # Nothing is kept for root alone, as on FAT.
    "ext4": ["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=0"],
}

LOOP_CTL_GET_FREE = 0x4C82
LOOP_CONFIGURE = 0x4C0A
LO_FLAGS_AUTOCLEAR = 4
LO_FLAGS_PARTSCAN = 8


class LoopConfig(ctypes.Structure):
    """`struct loop_config` of linux/loop.h, with `loop_info64` as far as it is used."""

    _fields_ = (
        ("fd", ctypes.c_uint32),
        ("block_size", ctypes.c_uint32),
        ("unused", ctypes.c_uint8 * 52),
        ("flags", ctypes.c_uint32),
        ("names_and_keys", ctypes.c_uint8 * 176),
        ("reserved", ctypes.c_uint64 * 8),
    )


@dataclass(frozen=True)
class Partition:
    """A row of the partition table."""

    number: int
    kind: str
    uuid: str
    label: str
    # in bytes
    start: int
    size: int


class Disk:
    """It is gone with the last process that has it open, so a runner that is killed leaves none behind."""

    def __init__(self, image: Path) -> None:
        self.image = image
        with open(image, "wb") as file:
            file.truncate(DISK_BYTES)
        tool(["sfdisk", "--quiet", str(image)], LAYOUT)
        self.descriptor, self.path = attach(image)
        # Not every kernel reads such tables by itself.
        tool(["partx", "--update", str(self.path)])
        tool([*MAKE_BOOT[boot_file_system()], str(self.partition(1))])

    def partition(self, number: int) -> Path:
        return Path(f"{self.path}p{number}")

    def table(self) -> list[Partition]:
        rows = json.loads(tool(["sfdisk", "--json", str(self.path)]))["partitiontable"]["partitions"]
        return [
            Partition(
                int(row["node"].removeprefix(f"{self.path}p")),
                row["type"],
                row["uuid"],
                row.get("name", ""),
                row["start"] * SECTOR,
                row["size"] * SECTOR,
            )
            for row in rows
        ]

    def slot(self, version: str) -> tuple[int, int]:
        """The numbers of the two partitions that are labelled with `version`."""
        labels = {row.label: row.number for row in self.table()}
        return labels[f"uecho_{version}_verity"], labels[f"uecho_{version}"]

    def write_slot(
        self, slot: tuple[int, int], version: str, parts: tuple[Path, Path], root_hash: str
    ) -> None:
        """Put a version into a slot, as the image has it: content, label, UUIDs that the root hash gives."""
        tree, store = slot
        for number, content, label, digits in (
            (tree, parts[0], f"uecho_{version}_verity", root_hash[32:]),
            (store, parts[1], f"uecho_{version}", root_hash[:32]),
        ):
            self.partition(number).write_bytes(content.read_bytes())
            self.name(number, label, digits)

    def name(self, number: int, label: str, digits: str) -> None:
        uuid = re.sub(r"(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", digits)
        disk, row = str(self.path), str(number)
        # The boot partition is mounted, so the kernel cannot read the table anew; it need not.
        tool(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", "--part-label", disk, row, label])
        tool(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", "--part-uuid", disk, row, uuid])

    def fingerprint(self, *numbers: int) -> str:
        """Of the bytes of these partitions, as they are on the disk."""
        places = {row.number: (row.start, row.size) for row in self.table()}
        return self.digest([places[number] for number in numbers])

    def fingerprint_of_everything(self) -> str:
        """Of all bytes of the disk: partition table, boot partition, slots."""
        return self.digest([(0, DISK_BYTES)])

    def digest(self, places: list[tuple[int, int]]) -> str:
        # What is cached of the device may be older than the disk, so the file behind it is read.
        self.flush()
        digest = hashlib.sha256()
        with open(self.image, "rb", buffering=0) as image:
            for start, size in places:
                image.seek(start)
                digest.update(image.read(size))
        return digest.hexdigest()

    def flush(self) -> None:
        """Write what is cached of the disk to it."""
        os.fsync(self.descriptor)

    def close(self) -> None:
        os.close(self.descriptor)


def boot_file_system() -> str:
    """What the boot partition has: vfat as the firmware wants it, else what the kernel here can mount."""
    return "vfat" if "\tvfat\n" in Path("/proc/filesystems").read_text() else "ext4"


def attach(image: Path) -> tuple[int, Path]:
    """Attach `image` to a free loop device; it is detached when the last one closes it."""
    with open(image, "r+b") as file, open("/dev/loop-control", "r+b", buffering=0) as control:
        for _ in range(20):
            path = Path(f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}")
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            config = LoopConfig(fd=file.fileno(), flags=LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN)
            try:
                fcntl.ioctl(descriptor, LOOP_CONFIGURE, config)
            except OSError:  # somebody else was quicker
                os.close(descriptor)
                time.sleep(0.1)
                continue
            return descriptor, path
    raise RunnerError(f"{image}: no loop device takes it (/dev/loop-control, modprobe loop)")


def tool(command: list[str], stdin: str = "") -> str:
    """Run a tool of this machine; returns what it says."""
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RunnerError(f"{' '.join(command)} ended with {result.returncode}: {result.stderr.strip()}")
    return result.stdout
