"""Versions of the stand-in: a store with its hash tree, and a boot image that names both; for the first one
the whole disk as it is shipped, for every one what machines download.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from behaviours import BEHAVIOURS
from errors import RunnerError
from stand_in import ETC, GUARD, StandIn, write

ESP_MIB, VERITY_MIB, STORE_MIB, VAR_MIB = 260, 8, 320, 320
COMMAND_LINE = (
    # As in the appliance.
    "root=tmpfs mount.usrfstype=erofs mount.usrflags=ro"
    " systemd.verity_usr_options=panic-on-corruption panic=10 fsck.repair=yes"
    # Emulated, everything takes longer; and nobody answers questions on a console.
    " console=ttyS0 quiet systemd.firstboot=no systemd.default_device_timeout_sec=600 systemd.show_status=no"
    # Or the kernel counts ticks in a busy loop, and panics if a busy host leaves it no time for them.
    " no_timer_check"
)


def fixed(mebibytes: int) -> str:
    return f"SizeMinBytes={mebibytes}M\nSizeMaxBytes={mebibytes}M\n"


def definitions(version: str) -> dict[str, str]:
    """The partitions of nixos/sealed-disk.nix, smaller."""
    verity = f"Type=usr-verity\n{fixed(VERITY_MIB)}"
    store = f"Type=usr\n{fixed(STORE_MIB)}"
    blocks = "VerityMatchKey=usr\nVerityDataBlockSizeBytes=4096\nVerityHashBlockSizeBytes=4096\n"
    return {
        "00-esp": f"Type=esp\nLabel=esp\nFormat=vfat\nCopyFiles=/build/esp:/\nSplitName=-\n{fixed(ESP_MIB)}",
        "10-verity-a": f"{verity}Label=uecho_{version}_verity\nSplitName=verity\nVerity=hash\n{blocks}",
        "20-store-a": f"{store}Label=uecho_{version}\nSplitName=store\nVerity=data\n{blocks}"
        "Format=erofs\nMinimize=off\nCopyFiles=/build/usr:/\n",
        "30-verity-b": f"{verity}Label=_empty\nSplitName=-\n",
        "40-store-b": f"{store}Label=_empty\nSplitName=-\n",
    }


REPART = """\
set -euo pipefail
cd /build
# The disk is made in a second call, and must have the same store.
export SOURCE_DATE_EPOCH=1767225600
export SYSTEMD_REPART_MKFS_OPTIONS_EROFS='-b4096 -zlz4 -C65536'
name=$1; shift
rm -f "$name".*raw
systemd-repart --offline=yes --empty=create --size=auto --split=yes --dry-run=no --json=short \\
  --seed=5ea1ed00-0000-4000-8000-000000000001 --definitions=/build/definitions "$@" "$name.raw"
"""
UKIFY = """\
set -euo pipefail
cd /build
# The kernel unpacks one over the other.
(cd more && find . -mindepth 1 | 3cpio --create ../more.img)
ukify build --linux=vmlinuz --initrd=initrd.img --initrd=more.img --os-release=@usr/lib/os-release \\
  --cmdline="$2" --output="$1"
"""


@dataclass(frozen=True)
class Version:
    """What was built."""

    name: str
    root_hash: str
    payload: Path


def build(stand_in: StandIn, name: str, behaviour: str = "good", disk: Path | None = None) -> Version:
    """Build a version, and with `disk` also the machine that it is shipped on."""
    stamp(stand_in, name, behaviour)
    folder = stand_in.build / "definitions"
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    for file_name, text in definitions(name).items():
        if disk is not None or "-a" in file_name:
            write(folder / f"{file_name}.conf", f"[Partition]\n{text}")
    root_hash = partitions(stand_in, name, *(["--defer-partitions=esp"] if disk else []))
    stand_in.run(UKIFY, f"{name}.efi", f"{COMMAND_LINE} usrhash={root_hash}")
    payload = stand_in.build / f"payload-{name}"
    payload.mkdir()
    for kind, digits in (("store", root_hash[:32]), ("verity", root_hash[32:])):
        target = payload / f"uecho_{name}_{digits}.{kind}.zst"
        source = stand_in.build / f"{name}.{kind}.raw"
        subprocess.run(["zstd", "-q", "-3", source, "-o", target], check=True)
    uki = payload / f"uecho_{name}.efi"
    (stand_in.build / f"{name}.efi").rename(uki)
    if disk is not None:
        shipped = ship(stand_in, name, uki, disk)
        if shipped != root_hash:
            raise RunnerError(f"the same tree made two stores: {root_hash}, {shipped}")
    for file in stand_in.build.glob(f"{name}*.raw"):
        file.unlink()
    return Version(name, root_hash, payload)


def partitions(stand_in: StandIn, name: str, *options: str) -> str:
    """Make the partitions; return the root hash."""
    said = stand_in.run(REPART, name, *options)
    hashes = {row["roothash"] for row in json.loads(said) if row.get("roothash")}
    if len(hashes) != 1:
        raise RunnerError(f"systemd-repart made {len(hashes)} root hashes: {said}")
    return str(hashes.pop())


def stamp(stand_in: StandIn, name: str, behaviour: str) -> None:
    """Give the tree its version, and what that version does."""
    release = stand_in.build / "usr/lib/os-release"
    kept = [line for line in release.read_text().splitlines() if not line.startswith("IMAGE_")]
    write(release, "\n".join([*kept, "IMAGE_ID=uecho", f"IMAGE_VERSION={name}", ""]))
    etc, initrd = stand_in.build / ETC, stand_in.build / "more"
    for other in BEHAVIOURS.values():
        for path in other.etc:
            (etc / path).unlink(missing_ok=True)
    shutil.rmtree(initrd, ignore_errors=True)
    initrd.mkdir()
    own = {"uecho/uecho.toml": f'system = "{name}"\n', "uecho/guard.toml": GUARD}
    for path, text in (own | BEHAVIOURS[behaviour].etc).items():
        write(etc / path, text)
    for path, text in BEHAVIOURS[behaviour].initrd.items():
        write(initrd / path, text)


def ship(stand_in: StandIn, name: str, uki: Path, disk: Path) -> str:
    """Make the disk: the boot loader and the boot image without a counter, the filled slot, the empty one."""
    esp = stand_in.build / "esp"
    shutil.rmtree(esp, ignore_errors=True)
    loader = stand_in.root / "usr/lib/systemd/boot/efi/systemd-bootx64.efi"
    for source, target in (
        (loader, "EFI/BOOT/BOOTX64.EFI"),
        (uki, f"EFI/Linux/{uki.name}"),
    ):
        (esp / target).parent.mkdir(parents=True)
        os.link(source, esp / target)
    write(esp / "loader/loader.conf", "timeout 0\neditor no\n")
    root_hash = partitions(stand_in, f"{name}-disk")
    (stand_in.build / f"{name}-disk.raw").rename(disk)
    os.truncate(disk, disk.stat().st_size + (VAR_MIB << 20))
    return root_hash
