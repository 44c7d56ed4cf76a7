"""What the kernel says: CPU time of a process by thread, its memory, and how busy the machine is."""

import re
from pathlib import Path

TICKS = 100


def tree(pid: int) -> list[int]:
    """The process and its children (nginx has workers)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(grandchild for child in children for grandchild in tree(int(child)))]


def thread_ns(pid: int) -> dict[int, int]:
    """CPU time of each thread of the process and its children by the thread's id, in nanoseconds."""
    tasks = [task for process in tree(pid) for task in Path(f"/proc/{process}/task").iterdir()]
    return {int(task.name): int((task / "schedstat").read_text().split()[0]) for task in tasks}


def cpu_ns(pid: int) -> int:
    """CPU time of all threads of the process and its children, in nanoseconds."""
    return sum(thread_ns(pid).values())


def rss_mib(pid: int) -> float:
    """Resident memory of the process and its children, in MiB."""
    statuses = [Path(f"/proc/{process}/status").read_text() for process in tree(pid)]
    return sum(int(kib) for status in statuses for kib in re.findall(r"VmRSS:\s+(\d+)", status)) / 1024


def busy_seconds() -> float:
    """CPU seconds that the whole machine has spent busy."""
    head = Path("/proc/stat").read_text().split("\n")[0]
    user, nice, system, _, _, irq, softirq, *_ = map(int, head.split()[1:])
    return (user + nice + system + irq + softirq) / TICKS
