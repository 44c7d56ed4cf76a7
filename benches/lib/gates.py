"""What must hold of the figures, and whether it did."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Gate:
    """A limit for one figure: at least so much, or at most."""

    what: str
    limit: float
    least: bool = False

    def holds(self, value: float) -> bool:
        """Whether a figure is within the limit."""
        return value >= self.limit if self.least else value <= self.limit

    def __str__(self) -> str:
        return f"at {'least' if self.least else 'most'} {self.limit:g}"


@dataclass(frozen=True)
class Figure:
    """A measured value that a gate is about; `quiet` is false when the machine was disturbed."""

    what: str
    value: float
    quiet: bool = True


GATES = (
    Gate("capacity v bare hyper", 0.92, least=True),
    Gate("capacity v nginx, access log", 0.95, least=True),
    Gate("capacity v Go original", 1.7, least=True),
    Gate("capacity v axum + usual telemetry", 2.3, least=True),
    Gate("p99 v bare hyper", 1.4),
    Gate("p99 v Go original", 0.9),
    Gate("RSS loaded, MiB", 10),
    Gate("start to first 200 v Go original", 1.0),
    Gate("RSS with idle connections, MiB", 128),
    Gate("user-space ns over bare hyper", 400),
    Gate("fan-out: CPU v reqwest", 0.76),
    Gate("fan-out: p50 over the slowest peer, ms", 0.5),
    Gate("every request logged: CPU with journald's v axum, tracing-journald", 0.8),
    Gate("every request logged: records per request", 0.99, least=True),
    Gate("two workers v one: CPU per request", 1.07),
    Gate("two workers v one: requests a second", 1.35, least=True),
)


def judge(figures: Iterable[Figure]) -> tuple[list[list[str]], list[str]]:
    """A row for each figure that has a gate, and what was missed. A disturbed figure is said, and no miss."""
    gates = {gate.what: gate for gate in GATES}
    rows, missed = [], []
    for figure in figures:
        if (gate := gates.get(figure.what)) is None:
            continue
        held = gate.holds(figure.value)
        if not figure.quiet:
            verdict = "DISTURBED"
        else:
            verdict = "met" if held else "MISSED"
        if figure.quiet and not held:
            missed.append(figure.what)
        rows.append([figure.what, f"{figure.value:.2f}", str(gate), verdict])
    return rows, missed
