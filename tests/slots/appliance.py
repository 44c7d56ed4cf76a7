"""A machine of the sealed kind that does not boot: a Debian root with the systemd under test, the appliance's
disk, and what the kernel and the boot loader would say of the version that runs.

Booting is played: the boot loader's choice and its counting of attempts, /proc/cmdline and the boot's ID, and
systemd-bless-boot after a good verdict. What updates is real.
"""

import contextlib
import re
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import boundary
from device import USR, USR_VERITY, Disk, boot_file_system
from errors import RunnerError

BOOT_IMAGES = "boot/EFI/Linux"
SYSUPDATE = "/usr/lib/systemd/systemd-sysupdate"
NAME = re.compile(r"uecho_(?P<version>[^_+]+)(\+(?P<left>\d+)(-(?P<done>\d+))?)?\.efi")
ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
    "TERM=dumb",
    # There is no udev, whose word for the type of the boot partition is wanted otherwise.
    "SYSTEMD_RELAX_ESP_CHECKS=1",
    "SYSTEMD_ESP_PATH=/boot",
    "SYSTEMD_LOG_LEVEL=info",
)
# Records what it is asked for; there is no service manager, and nothing reboots.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/run/systemctl.log
"""
# There are no EFI variables: the boot that is played reads what this writes.
BOOTCTL = """#!/bin/sh
[ "$1" = set-preferred ] && echo "$2" >/lab/preferred
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it said, on both streams."""

    status: int
    said: str


class Appliance:
    """It runs a version from one of its slots."""

    def __init__(self, lower: Path, state: Path, disk: Disk | None = None) -> None:
        self.state = state
        self.root = state / "root"
        self.disk = disk
        self.mounted: list[Path] = []
        self.group = boundary.group() / f"{state.parent.name}-{state.name}"
        self.group.mkdir()
        state.mkdir(parents=True)
        self.mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", state)
        for directory in (state / "upper", state / "work", self.root):
            directory.mkdir()
        layers = f"lowerdir={lower},upperdir={state}/upper,workdir={state}/work"
        self.mount("-t", "overlay", "-o", layers, "overlay", self.root)
        self.mount("-t", "proc", "proc", self.root / "proc")
        for shared in ("dev", "sys"):
            self.mount("--bind", f"/{shared}", self.root / shared)
        self.mount("-t", "tmpfs", "tmpfs", self.root / "run")
        for name in ("cmdline", "boot_id"):
            (state / name).write_text("\n")
        self.mount("--bind", state / "cmdline", self.root / "proc/cmdline")
        self.mount("--bind", state / "boot_id", self.root / "proc/sys/kernel/random/boot_id")
        self.write("usr/local/bin/systemctl", SYSTEMCTL, mode=0o755)
        self.write("usr/local/bin/bootctl", BOOTCTL, mode=0o755)
        self.write("lab/preferred", "\n")
        if disk is not None:
            # No times of reading: what reads only must leave the same bytes behind.
            self.mount("-t", boot_file_system(), "-o", "noatime", disk.partition(1), self.root / "boot")
            (self.root / BOOT_IMAGES).mkdir(parents=True)

    def mount(self, *arguments: object) -> None:
        subprocess.run(["mount", *map(str, arguments)], check=True)
        self.mounted.append(Path(str(arguments[-1])))

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the machine's."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def read(self, path: str) -> str:
        """A file of the machine's, without the end of its last line."""
        return (self.root / path).read_text().rstrip("\n")

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in the machine, with a control group of its own."""
        enter = ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self.group / "cgroup.procs")]
        return subprocess.Popen(
            # What a shell starts in the background ignores Ctrl-C, and so would what it starts.
            [*enter, "chroot", str(self.root), "env", "-i", "--default-signal=INT", *ENVIRONMENT, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def cut(self, process: subprocess.Popen[str]) -> str:
        """End a command and all that it has started at once; returns what it had said."""
        (self.group / "cgroup.kill").write_text("1")
        return process.communicate()[0]

    def processes(self) -> list[str]:
        """The command lines of what was started and has not ended."""
        lines = (Path(f"/proc/{pid}/cmdline") for pid in (self.group / "cgroup.procs").read_text().split())
        found = []
        for line in lines:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                # Empty for what has ended and was not waited for.
                found.append(line.read_text().replace("\0", " ").strip())
        return [line for line in found if line]

    def run(self, *command: str, seconds: int = 120) -> Outcome:
        process = self.start(*command)
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            self.cut(process)
            raise RunnerError(f"{' '.join(command)}: not done after {seconds} s") from error
        return Outcome(process.returncode, said)

    def must(self, *command: str) -> str:
        """Run a command that is no part of what is tried."""
        outcome = self.run(*command)
        if outcome.status != 0:
            raise RunnerError(f"{' '.join(command)} ended with {outcome.status}: {outcome.said}")
        return outcome.said

    # --- what the boot loader and the kernel do

    def boot_images(self) -> dict[str, Path]:
        """The boot images by version. Two names for one version are a mistake."""
        found: dict[str, Path] = {}
        # What begins with a dot is half written; the boot loader does not look at it either.
        for file in sorted((self.root / BOOT_IMAGES).glob("[!.]*.efi")):
            match = NAME.fullmatch(file.name)
            if match is None or match["version"] in found:
                raise AssertionError(f"a boot image that nobody expects: {file.name}")
            found[match["version"]] = file
        return found

    def counter(self, version: str) -> tuple[int, int] | None:
        """Boots left and boots done of a boot image, where it is counted."""
        match = NAME.fullmatch(self.boot_images()[version].name)
        assert match is not None
        return (int(match["left"]), int(match["done"] or 0)) if match["left"] else None

    def boot(self, order: list[str]) -> str:
        """Start what systemd-boot would start, with versions in `order`; returns the version that runs then.

        That is the preferred one, else the newest, of those that have boots left.

        A boot image whose partitions are not there panics, so it is counted down and tried again.
        """
        for _ in range(20):
            # It does not list a file that is no program.
            images = {version: file for version, file in self.boot_images().items() if file.stat().st_size}
            counters = {version: self.counter(version) for version in images}
            alive = [version for version, counter in counters.items() if counter is None or counter[0] > 0]
            preferred = NAME.fullmatch(self.read("lab/preferred"))
            wanted = [preferred["version"]] if preferred and preferred["version"] in alive else alive
            version = max(wanted or images, key=order.index)
            counter = counters[version]
            if counter is not None:
                left, done = counter
                rename(images[version], version, f"+{max(left - 1, 0)}-{done + 1}")
            if self.complete(version):
                self.run_as(version)
                return version
        raise AssertionError(f"nothing boots: {sorted(path.name for path in images.values())}")

    def run_as(self, version: str) -> None:
        """What the machine says of itself while it runs `version`."""
        self.write("etc/os-release", f"ID=uecho\nIMAGE_ID=uecho\nIMAGE_VERSION={version}\n")
        (self.state / "cmdline").write_text(f"root=tmpfs usrhash={self.root_hash(version)} panic=10\n")
        (self.state / "boot_id").write_text(f"{uuid.uuid4()}\n")

    def root_hash(self, version: str) -> str:
        """The root hash that a boot image names."""
        found = set(re.findall(rb"usrhash=([0-9a-f]{64})", self.boot_images()[version].read_bytes()))
        if len(found) != 1:
            raise AssertionError(f"the boot image of {version} names {len(found)} stores")
        return bytes(found.pop()).decode()

    def slot(self, version: str) -> tuple[int, int] | None:
        """The partitions that the initrd finds for a boot image: UUIDs by root hash, of the right types."""
        assert self.disk is not None
        digits = self.root_hash(version)
        rows = {(row.uuid.replace("-", "").lower(), row.kind): row.number for row in self.disk.table()}
        tree, store = rows.get((digits[32:], USR_VERITY)), rows.get((digits[:32], USR))
        return (tree, store) if tree is not None and store is not None else None

    def complete(self, version: str) -> bool:
        """Whether the whole of the version's store fits its root hash: all of it is read."""
        slot = self.slot(version)
        if slot is None:
            return False
        assert self.disk is not None
        tree, store = (str(self.disk.partition(number)) for number in slot)
        return self.run("veritysetup", "verify", store, tree, self.root_hash(version)).status == 0

    def bless(self, version: str) -> None:
        """As systemd-bless-boot does after a good verdict: the boot image is counted no longer."""
        rename(self.boot_images()[version], version, "")

    def close(self) -> None:
        for target in reversed(self.mounted):
            subprocess.run(["umount", "--lazy", str(target)], check=True)
        self.state.rmdir()
        boundary.remove(self.group)


def rename(image: Path, version: str, counter: str) -> None:
    image.rename(image.with_name(f"uecho_{version}{counter}.efi"))
