"""The boundary of a run: everything that it starts and mounts is in namespaces and a control group of its
own, and ends with the run in whichever way that ends.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from errors import RunnerError

GROUP = "UECHO_CONTAINER_GROUP"
STATE = "UECHO_CONTAINER_STATE"


def inside() -> bool:
    """Whether this process runs inside the boundary."""
    return STATE in os.environ


def state() -> Path:
    """The folder of this run for temporary files."""
    return Path(os.environ[STATE])


def group() -> Path:
    """The control group of this run; each container gets one below it."""
    return Path(os.environ[GROUP])


def run() -> int:
    """Run this same command inside the boundary; return its exit status."""
    signal.signal(signal.SIGTERM, interrupt)
    own = hierarchy() / f"uecho-{os.getpid()}"
    own.mkdir()
    with tempfile.TemporaryDirectory(prefix="uecho-container-") as directory:
        command = [
            # When the first process of a PID namespace ends, all others end. It ends with unshare, and
            # unshare ends with this process.
            "setpriv", "--pdeathsig", "KILL",
            "unshare", "--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child",
            "--mount-proc",
            # The first process is a shell, which also waits for processes that lose their parent; they would
            # otherwise delay the end of their container.
            "bash", "-c", '"$@"; exit "$?"', "bash", sys.executable, *sys.argv,
        ]  # fmt: skip
        environment = {**os.environ, STATE: directory, GROUP: str(own), "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(command, env=environment)
        try:
            return process.wait()
        except KeyboardInterrupt:
            # Ctrl-C also goes to the process inside, which says where it was.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            return 130
        finally:
            process.kill()
            process.wait()
            remove(own)


def hierarchy() -> Path:
    """The control group of this process in the unified hierarchy."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, target, kind, *_ = line.split()
        if kind == "cgroup2":
            own = next(
                entry
                for entry in Path("/proc/self/cgroup").read_text().splitlines()
                if entry.startswith("0::")
            )
            return Path(target) / own.removeprefix("0::/")
    raise RunnerError(
        "no cgroup2 hierarchy is mounted on this machine (/sys/fs/cgroup or /sys/fs/cgroup/unified)"
    )


def remove(directory: Path) -> None:
    """Remove a control group and those below it."""
    for path, _, _ in os.walk(directory, topdown=False):
        for _ in range(100):
            try:
                Path(path).rmdir()
                break
            except OSError:  # the kernel is not done with the last process yet
                time.sleep(0.05)


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(143)
