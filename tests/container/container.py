"""One container: an overlay over the shared root, booted by systemd-nspawn, entered by nsenter."""

import contextlib
import itertools
import os
import re
import signal
import subprocess
import time
import uuid
from pathlib import Path

import boundary
from errors import RunnerError

BOOT_SECONDS = 90
ENVIRONMENT = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
    "TERM=dumb",
]
serial = itertools.count(1)


class Container:
    """A machine that can be booted, entered and cut off, as often as needed, keeping its disk in between."""

    def __init__(self, name: str, lower: Path, state: Path, bridge: str | None) -> None:
        self.name = name
        self.bridge = bridge
        self.state = state
        self.root = state / "root"
        self.console = state / "console.log"
        self.group = boundary.group() / name
        # Unique on the host, also with several runs at once; with systemd-nspawn's prefix at most 15
        # characters, for the name of the link.
        self.host_name = f"{boundary.group().name.removeprefix('uecho-')}-{next(serial)}"
        self.process: subprocess.Popen[bytes] | None = None
        self.leader: int | None = None
        # A tmpfs carries the upper layer: quick, gone with the mount namespace, and fine also where /tmp is
        # an overlay itself.
        state.mkdir(parents=True)
        mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", state)
        for directory in (state / "upper", state / "work", self.root):
            directory.mkdir()
        mount(
            "-t",
            "overlay",
            "-o",
            f"lowerdir={lower},upperdir={state}/upper,workdir={state}/work",
            "overlay",
            self.root,
        )
        (self.root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
        (self.root / "etc/hostname").write_text(f"{name}\n")

    def boot(self) -> None:
        """Start systemd in the container and wait until it has done what it starts at boot."""
        network = f"--network-bridge={self.bridge}" if self.bridge else "--private-network"
        self.group.mkdir(exist_ok=True)
        command = [
            # Two containers in one control group would share what their units are counted and filtered by.
            "sh", "-c", f'echo $$ > {self.group}/cgroup.procs && exec "$@"', "sh",
            "systemd-nspawn", "--quiet", f"--directory={self.root}", f"--machine={self.host_name}",
            f"--hostname={self.name}", "--register=no", "--keep-unit", "--boot", "--console=read-only",
            network, "--resolv-conf=off", "--timezone=off",
            # For the IP filters of units.
            "--system-call-filter=bpf", "--capability=CAP_BPF,CAP_PERFMON",
        ]  # fmt: skip
        with open(self.console, "ab") as console:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                # Ctrl-C is for the runner, which ends the machines in order.
                start_new_session=True,
            )
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RunnerError(f"{self.name}: systemd-nspawn ended at boot:\n{self.console_tail()}")
            self.leader = find_leader(self.process.pid)
            if self.leader is not None:
                state = self.run("systemctl is-system-running", timeout=30)[1].strip()
                if state in {"running", "degraded", "maintenance"}:
                    return
            time.sleep(0.05)
        raise RunnerError(f"{self.name}: not up after {BOOT_SECONDS} s:\n{self.console_tail()}")

    def run(self, command: str, timeout: int | None) -> tuple[int, str]:
        """Run a bash command inside; return its exit status and standard output.

        Standard error goes to the console log.
        """
        inside = ["bash", "-c", f"set -euo pipefail; {command}"]
        if timeout is not None:
            inside = ["timeout", str(timeout), *inside]
        enter = [
            "nsenter",
            "-t",
            str(self.leader),
            "-m",
            "-u",
            "-i",
            "-n",
            "-p",
            "-C",
            "env",
            "-i",
            *ENVIRONMENT,
        ]
        # A file and no pipe for standard error: a command left in the background may keep it open.
        with open(self.console, "ab") as console:
            result = subprocess.run(
                [*enter, *inside],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=console,
                check=False,
            )
        return result.returncode, result.stdout.decode(errors="replace")

    def is_up(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def wait(self, timeout: int) -> None:
        """Wait until the container has gone down by itself."""
        if self.process is not None:
            self.process.wait(timeout)
        self.process = self.leader = None

    def kill(self) -> None:
        """Power cut: every process of the container is gone at once."""
        if self.process is None:
            return
        if self.leader is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.leader, signal.SIGKILL)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = self.leader = None

    def destroy(self) -> None:
        """Cut it off and remove its disk."""
        self.kill()
        boundary.remove(self.group)
        for target in (self.root, self.state):
            subprocess.run(["umount", "--lazy", str(target)], check=False, stderr=subprocess.DEVNULL)
        self.state.rmdir()

    def console_tail(self, lines: int = 25) -> str:
        text = self.console.read_text(errors="replace") if self.console.exists() else ""
        return "\n".join(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).splitlines()[-lines:])


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def find_leader(pid: int) -> int | None:
    """The container's init, once it is that.

    The children of systemd-nspawn before it only set things up, in part still on the host.
    """
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            process = Path("/proc", child)
            numbers = next(
                line for line in (process / "status").read_text().splitlines() if line.startswith("NSpid:")
            ).split()
            if (process / "comm").read_text() == "systemd\n" and len(numbers) > 2 and numbers[-1] == "1":
                return int(child)
    return None
