"""One container: an overlay over the shared root; systemd-nspawn boots it, nsenter enters it."""

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
    """A machine that a test can boot, enter and cut off any number of times; its disk stays in between."""

    def __init__(
        self,
        name: str,
        lower: Path,
        state: Path,
        bridge: str | None,
        credentials: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self.credentials = credentials or {}
        self.bridge = bridge
        self.state = state
        self.root = state / "root"
        self.console = state / "console.log"
        self.group = boundary.group() / name
        # The name is unique on the host, also with several runs at once. With the prefix of systemd-nspawn,
        # it has at most 15 characters, because it becomes the name of the link.
        self.host_name = f"{boundary.group().name.removeprefix('uecho-')}-{next(serial)}"
        self.process: subprocess.Popen[bytes] | None = None
        self.leader: int | None = None
        # The upper layer is on a tmpfs, which is fast, ends with the mount namespace, and works also where
        # /tmp is itself an overlay.
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
        """Start systemd in the container and wait until it has finished the boot."""
        network = f"--network-bridge={self.bridge}" if self.bridge else "--private-network"
        self.group.mkdir(exist_ok=True)
        command = [
            # In one control group, two containers would share the accounting and filters of their units.
            "sh", "-c", f'echo $$ > {self.group}/cgroup.procs && exec "$@"', "sh",
            "systemd-nspawn", "--quiet", f"--directory={self.root}", f"--machine={self.host_name}",
            f"--hostname={self.name}", "--register=no", "--keep-unit", "--boot", "--console=read-only",
            network, "--resolv-conf=off", "--timezone=off",
            # The IP filters of units need these.
            "--system-call-filter=bpf", "--capability=CAP_BPF,CAP_PERFMON",
            *(f"--set-credential={name}:{value}" for name, value in self.credentials.items()),
        ]  # fmt: skip
        with open(self.console, "ab") as console:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                # Only the runner gets Ctrl-C; it ends the machines in order.
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
        # Standard error is a file, not a pipe, because a command in the background may keep it open.
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
        """Wait until the container has shut down by itself."""
        if self.process is not None:
            self.process.wait(timeout)
        self.process = self.leader = None

    def kill(self) -> None:
        """Cut the power: end every process of the container at once."""
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
        """Cut the power and remove the disk."""
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
    """Return the init process of the container when it exists.

    Earlier children of systemd-nspawn only prepare the container, partly still on the host.
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
