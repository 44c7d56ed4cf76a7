"""Tables: medians, and ratios paired within a round."""

import statistics

from measure import Slice


def median(values: list[float]) -> float:
    return statistics.median(values)


def quartiles(values: list[float]) -> str:
    if len(values) < 4:
        return ""
    low, _, high = statistics.quantiles(values, n=4)
    return f" ({low:.2f}-{high:.2f})"


def table(head: list[str], rows: list[list[str]]) -> None:
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def load(results: dict[str, list[Slice]]) -> None:
    """Capacity is CPU per request of bare hyper over that of the server: 1 is the limit, more is better."""
    base = next(iter(results.values()))
    rows = []
    for name, slices in results.items():
        capacity = [b.cpu_us / s.cpu_us for b, s in zip(base, slices)]
        p99 = [s.p99_ms / b.p99_ms for b, s in zip(base, slices)]
        rows.append([
            name,
            f"{median([s.requests / s.seconds for s in slices]):,.0f}",
            f"{median([s.cpu_us for s in slices]):.1f}",
            f"{median(capacity):.2f}{quartiles(capacity)}",
            f"{median([s.p99_ms for s in slices]):.2f}",
            f"{median(p99):.2f}",
            f"{max(s.rss_mib for s in slices):.1f}",
            str(sum(s.errors for s in slices)),
        ])
    table(["server", "req/s", "CPU us/req", "capacity v bare hyper (quartiles)", "p99 ms", "p99 v bare hyper", "RSS loaded MiB", "errors"], rows)
    uecho = results["uecho"]
    for name, slices in results.items():
        if name not in ("uecho", "bare hyper"):
            ratio = [s.cpu_us / u.cpu_us for u, s in zip(uecho, slices)]
            p99 = [u.p99_ms / s.p99_ms for u, s in zip(uecho, slices)]
            print(f"uecho v {name}: capacity {median(ratio):.2f}x{quartiles(ratio)}, p99 {median(p99):.2f}")


def start(times: dict[str, list[float]]) -> None:
    table(["server", "start to first 200, ms (median)"], [[name, f"{median(each) * 1000:.1f}"] for name, each in times.items()])
    if "Go original" in times:
        ratio = [u / g for u, g in zip(times["uecho"], times["Go original"])]
        print(f"uecho v Go original: start {median(ratio):.2f}")


def idle(result: tuple[int, float, float]) -> None:
    connections, before, held = result
    print(f"\nRSS: {before:.1f} MiB at start, {held:.1f} MiB with {connections:,} idle connections")


def fanout(busy: dict[str, list[Slice]], alone: dict[str, list[Slice]]) -> None:
    """CPU is that of many fan-outs at once; what a fan-out adds to its slowest peer is seen when it does not wait for others."""
    rows = [
        [
            name,
            f"{median([s.cpu_us for s in slices]):.0f}",
            f"{over_peer(alone, name):.2f}",
            f"{over_peer(busy, name):.2f}",
            str(sum(s.errors for s in slices + alone[name])),
        ]
        for name, slices in busy.items()
        if name != "peer alone"
    ]
    table(["8-way fan-out", "CPU us/fan-out", "p50 over the peer, ms, one at a time", "the same, 16 at a time", "errors"], rows)
    ratio = [u.cpu_us / r.cpu_us for u, r in zip(busy["uecho fan-out"], busy["reqwest"])]
    print(f"uecho v reqwest: CPU {median(ratio):.2f}{quartiles(ratio)}")


def over_peer(results: dict[str, list[Slice]], name: str) -> float:
    return median([s.p50_ms for s in results[name]]) - median([s.p50_ms for s in results["peer alone"]])


def logged(records: int, slices: list[Slice]) -> None:
    """What is lost when the buffer is full costs nothing, so it must be seen. The warm-up's records count, its requests do not."""
    requests = sum(s.requests for s in slices)
    print(f"every request logged: {records:,} journal records of {requests:,} requests and a warm-up")
