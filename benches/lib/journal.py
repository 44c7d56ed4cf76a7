"""A journald of the benchmark's own, in the journal's place; the caller has mounts of its own."""

import re
import subprocess
import time
from pathlib import Path

from processes import cpu_ns

PROGRAM = Path("/usr/lib/systemd/systemd-journald")
SYSTEMD = Path("/run/systemd")
LOG = Path("/run/log")
QUEUE_LENGTH = Path("/proc/sys/net/unix/max_dgram_qlen")
# A limit of the rate would lose records that the comparison counts; the service's unit has none, either.
SETTINGS = """[Journal]
Storage=volatile
RateLimitIntervalSec=0
RuntimeMaxUse=256M
ReadKMsg=no
Audit=no
ForwardToSyslog=no
ForwardToWall=no
"""


class Journal:
    """Runs from the first moment; its records are in memory and gone with the mounts."""

    def __init__(self) -> None:
        for place in (SYSTEMD, LOG):
            place.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", place], check=True)
        settings = SYSTEMD / "journald.conf.d"
        settings.mkdir()
        (settings / "bench.conf").write_text(SETTINGS)
        for directory in (SYSTEMD / "journal", LOG / "journal"):
            directory.mkdir()
        # a socket takes the length of its queue from here when it is made; systemd raises it so when it boots
        previous = QUEUE_LENGTH.read_text()
        QUEUE_LENGTH.write_text("512")
        try:
            self.process = subprocess.Popen([PROGRAM], stderr=subprocess.DEVNULL)
            while not (SYSTEMD / "journal/stdout").exists() or self.records() == 0:
                if self.process.poll() is not None:
                    raise SystemExit(f"{PROGRAM} ended with {self.process.returncode}")
                time.sleep(0.01)
        finally:
            QUEUE_LENGTH.write_text(previous)

    def records(self) -> int:
        """Records written since the start; those that were made room for count, too."""
        files = [f"--file={file}" for file in LOG.glob("journal/*/system*.journal")]
        if not files:
            return 0
        command = ["journalctl", *files, "--header"]
        headers = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True).stdout
        return max(map(int, re.findall(r"Tail sequential number: (\d+)", headers)), default=0)

    def settle(self) -> None:
        """Waits until it has nothing left to write."""
        before = -1
        while before != (now := cpu_ns(self.process.pid)):
            before = now
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends the program and takes its mounts away."""
        self.process.terminate()
        self.process.wait(timeout=30)
        for place in (SYSTEMD, LOG):
            subprocess.run(["umount", "--lazy", place], check=True)
