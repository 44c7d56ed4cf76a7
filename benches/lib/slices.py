"""A slice of load, how it is asked for, and which of them count."""

from dataclasses import dataclass
from pathlib import Path

from server import BOTH_CPUS, LOAD_CPU

OTHERS_ALLOWED = 0.15
PAUSE = Path(__file__).parent / "pause.lua"


@dataclass(frozen=True)
class Load:
    """How wrk loads a server. With a pause (ms) before each request it asks less than the server could do;
    unless connections are kept, each request has one of its own."""

    connections: int = 64
    cpus: str = LOAD_CPU
    threads: int = 1
    pause_ms: int = 0
    kept: bool = True

    def command(self, url: str, seconds: int) -> list[str]:
        """wrk, on its CPUs."""
        pinned = ["taskset", "-c", self.cpus, "wrk", f"-t{self.threads}", f"-c{self.connections}"]
        closed = [] if self.kept else ["-H", "Connection: close"]
        paused = ["-s", str(PAUSE), url, "--", str(self.pause_ms)] if self.pause_ms else [url]
        return [*pinned, f"-d{seconds}s", "--latency", *closed, *paused]


# Server and load take turns on both CPUs, as on a machine of its own that is loaded from itself.
SHARED = Load(cpus=BOTH_CPUS, threads=2)
FRESH = Load(cpus=BOTH_CPUS, threads=2, kept=False)
# About 20,000 requests a second: journald keeps up, so nothing is lost and no one waits for it.
PACED = Load(pause_ms=2)


@dataclass
class Slice:
    """One slice of load on one server; times in the unit their name says. `threads_us` is CPU time per
    request by thread, the busiest first; `load_us` is that of wrk, `journal_us` that of journald."""

    requests: int
    seconds: float
    threads_us: list[float]
    load_us: float
    journal_us: float
    records: int
    p50_ms: float
    p99_ms: float
    rss_mib: float
    others: float
    errors: int

    @property
    def cpu_us(self) -> float:
        """CPU time of the server per request."""
        return sum(self.threads_us)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


@dataclass
class Results:
    """The slices of each server by its name, in rounds; `quiet` is false when every round was disturbed."""

    slices: dict[str, list[Slice]]
    quiet: bool = True

    def __getitem__(self, name: str) -> list[Slice]:
        return self.slices[name]


def keep(names: list[str], rounds: list[list[Slice]]) -> Results:
    """The rounds of which every slice was undisturbed; all of them, and said so, when there is none."""
    kept = [slices for slices in rounds if max(each.others for each in slices) <= OTHERS_ALLOWED]
    print(f"\n{len(kept)} of {len(rounds)} rounds kept (others used at most {OTHERS_ALLOWED} of a core)")
    if not kept:
        print("DISTURBED: no round was quiet; the figures below are of all rounds and compare poorly")
    columns = zip(*(kept or rounds), strict=True)
    return Results(dict(zip(names, map(list, columns), strict=True)), quiet=bool(kept))
