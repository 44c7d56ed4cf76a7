"""The Debian roots that containers share as their lower layer, built once per list of packages and cached."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from errors import RunnerError

SUITE = "trixie"
# mmdebstrap downloads from this mirror, or from its default.
MIRROR = [mirror] if (mirror := os.environ.get("UECHO_CONTAINER_MIRROR")) else []
PACKAGES = ("systemd", "systemd-sysv", "dbus", "libnss-systemd", "curl", "python3", "iproute2", "procps")
# No test needs these: logins on the console, and what Debian does at certain times.
MASKED = (
    "console-getty.service",
    "getty.target",
    "systemd-logind.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "systemd-tmpfiles-clean.timer",
)


def missing_tools(tools: list[str]) -> list[str]:
    """Return those of `tools` that are not in PATH."""
    return [tool for tool in tools if shutil.which(tool) is None]


def cache_directory() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "uecho-container"


def path(extra: tuple[str, ...], suite: str = SUITE) -> Path:
    """Return the path of the root of `suite` with the base packages and `extra`, which may not exist yet.

    A change of this file makes a new root.
    """
    recipe = [*MIRROR, *sorted({*PACKAGES, *extra}), Path(__file__).read_text()]
    return cache_directory() / f"{suite}-{hashlib.sha256(chr(10).join(recipe).encode()).hexdigest()[:12]}"


def ensure(extra: tuple[str, ...], suite: str = SUITE, *, boots: bool = True) -> None:
    """Build the root unless it is in the cache; `boots`: containers boot from it. Two runs at once build it
    once.
    """
    root = path(extra, suite)
    root.parent.mkdir(parents=True, exist_ok=True)
    with open(root.parent / f"{root.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if root.is_dir():
            return
        print(f"building the container root {root} (once)", file=sys.stderr, flush=True)
        partial = root.with_name(f"{root.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        log = root.with_name(f"{root.name}.log")
        command = [
            "mmdebstrap", "--variant=minbase", "--mode=root",
            f"--include={','.join(sorted({*PACKAGES, *extra}))}",
            "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
            # A mirror may be a snapshot, with a Release file that is past its date.
            '--aptopt=Acquire::Check-Valid-Until "false"', suite, str(partial), *MIRROR,
        ]  # fmt: skip
        with open(log, "w") as output:
            result = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
        if result.returncode != 0:
            shutil.rmtree(partial, ignore_errors=True)
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise RunnerError(f"mmdebstrap failed ({result.returncode}), full log in {log}:\n{tail}")
        if boots:
            settle(partial)
        partial.rename(root)


def settle(root: Path) -> None:
    """Make the root boot the same way each time, like a machine that was set up long ago."""
    # Both come from the machine that builds; the container gets its own at boot.
    (root / "etc/hostname").unlink(missing_ok=True)
    (root / "etc/machine-id").write_text("")
    units = root / "etc/systemd/system"
    for unit in MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    subprocess.run(["chroot", str(root), "journalctl", "--update-catalog"], check=True)
    for stamp in ("etc/.updated", "var/.updated"):
        (root / stamp).touch()
