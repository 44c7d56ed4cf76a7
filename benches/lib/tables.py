"""What all reports are made of: medians, ratios paired within a round, tables."""

import statistics
from collections.abc import Callable, Iterable

from slices import Results, Slice


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def quartiles(values: list[float]) -> str:
    """The lower and the upper quartile, once there are enough values for them."""
    if len(values) < 4:
        return ""
    low, _, high = statistics.quantiles(values, n=4)
    return f" ({low:.2f}-{high:.2f})"


def table(head: str, rows: list[list[str]]) -> None:
    """A table in Markdown; the names of the columns have ` | ` between them."""
    print(f"\n| {head} |\n|{'---|' * (head.count('|') + 1)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def cost(each: Slice) -> float:
    """CPU time of the server per request."""
    return each.cpu_us


def whole_cost(each: Slice) -> float:
    """CPU time of the server and of journald per request."""
    return each.cpu_us + each.journal_us


def paired(results: Results, over: str, under: str, value: Callable[[Slice], float] = cost) -> list[float]:
    """One server's value over another's, round by round."""
    pairs = zip(results[over], results[under], strict=True)
    return [value(upper) / value(lower) for upper, lower in pairs]
