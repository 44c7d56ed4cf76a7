"""The reports of all parts but `cores`. Each returns the figures that gates are about."""

import re

from gates import Figure
from slices import Results, Slice
from tables import median, paired, quartiles, table, whole_cost


def load(results: Results) -> list[Figure]:
    """Capacity is CPU per request of bare hyper over that of the server: 1 is the limit, more is better."""
    base = next(iter(results.slices))
    rows = []
    for name, slices in results.slices.items():
        capacity = paired(results, base, name)
        p99 = paired(results, name, base, lambda each: each.p99_ms)
        rows.append(
            [
                name,
                f"{median(each.rate for each in slices):,.0f}",
                f"{median(each.cpu_us for each in slices):.1f}",
                f"{median(capacity):.2f}{quartiles(capacity)}",
                f"{median(each.p99_ms for each in slices):.2f}",
                f"{median(p99):.2f}",
                f"{max(each.rss_mib for each in slices):.1f}",
                str(sum(each.errors for each in slices)),
            ]
        )
    table(
        "server | req/s | CPU us/req | capacity v bare hyper (quartiles) | p99 ms | p99 v bare hyper | "
        "RSS loaded MiB | errors",
        rows,
    )
    figures = [Figure("RSS loaded, MiB", max(each.rss_mib for each in results["uecho"]))]
    for name in results.slices:
        if name != "uecho":
            ratio = paired(results, name, "uecho")
            p99 = paired(results, "uecho", name, lambda each: each.p99_ms)
            print(f"uecho v {name}: capacity {median(ratio):.2f}x{quartiles(ratio)}, p99 {median(p99):.2f}")
            figures.append(Figure(f"capacity v {name}", median(ratio), results.quiet))
            figures.append(Figure(f"p99 v {name}", median(p99), results.quiet))
    return figures


def logged(results: Results) -> list[Figure]:
    """A record costs journald about as much as the service, so only both together say anything."""
    rows = [
        [
            name,
            f"{median(each.rate for each in slices):,.0f}",
            f"{median(each.cpu_us for each in slices):.1f}",
            f"{median(each.journal_us for each in slices):.1f}",
            f"{median(map(whole_cost, slices)):.1f}",
            f"{1e6 / median(map(whole_cost, slices)):,.0f}",
            f"{per_request(slices):.3f}",
        ]
        for name, slices in results.slices.items()
    ]
    table(
        "every request logged | req/s, paced | CPU us/req | journald's | both | req/s a core for both | "
        "records per request",
        rows,
    )
    figures = [Figure("every request logged: records per request", per_request(results["uecho"]))]
    for name in results.slices:
        if name != "uecho":
            ratio = paired(results, "uecho", name, whole_cost)
            print(f"uecho v {name}: CPU with journald's {median(ratio):.2f}{quartiles(ratio)}")
            what = f"every request logged: CPU with journald's v {name}"
            figures.append(Figure(what, median(ratio), results.quiet))
    return figures


def per_request(slices: list[Slice]) -> float:
    """What is lost costs nothing, so it must be seen."""
    return sum(each.records for each in slices) / sum(each.requests for each in slices)


def start(times: dict[str, list[float]]) -> list[Figure]:
    """Milliseconds from exec to the first 200."""
    rows = [[name, f"{median(each) * 1000:.1f}"] for name, each in times.items()]
    table("server | start to first 200, ms (median)", rows)
    if "Go original" not in times:
        return []
    ratio = median(u / g for u, g in zip(times["uecho"], times["Go original"], strict=True))
    print(f"uecho v Go original: start {ratio:.2f}")
    return [Figure("start to first 200 v Go original", ratio)]


def idle(result: tuple[int, float, float]) -> list[Figure]:
    """What connections cost that do nothing."""
    connections, before, held = result
    print(f"\nRSS: {before:.1f} MiB at start, {held:.1f} MiB with {connections:,} idle connections")
    return [Figure("RSS with idle connections, MiB", held)]


def fanout(many: Results, alone: Results) -> list[Figure]:
    """CPU is that of many fan-outs at once; what a fan-out adds to its slowest peer is seen when it does not
    wait for others."""
    rows = [
        [
            name,
            f"{median(each.cpu_us for each in slices):.0f}",
            f"{over_peer(alone, name):.2f}",
            f"{over_peer(many, name):.2f}",
            str(sum(each.errors for each in slices + alone[name])),
        ]
        for name, slices in many.slices.items()
        if name != "peer alone"
    ]
    table(
        "8-way fan-out | CPU us/fan-out | p50 over the peer, ms, one at a time | the same, 16 at a time | "
        "errors",
        rows,
    )
    ratio = paired(many, "uecho fan-out", "reqwest")
    print(f"uecho v reqwest: CPU {median(ratio):.2f}{quartiles(ratio)}")
    return [
        Figure("fan-out: CPU v reqwest", median(ratio), many.quiet),
        Figure("fan-out: p50 over the slowest peer, ms", over_peer(alone, "uecho fan-out"), alone.quiet),
    ]


def in_process(said: str) -> list[Figure]:
    """The best of many short batches, unless the rounds differ by more than what the gate is about."""
    (over,) = re.findall(r"^user-space ns/request: .*difference ([+-]\d+)", said, re.MULTILINE)
    ((low, high),) = re.findall(
        r"^difference within a round: .*\(([+-]\d+) to ([+-]\d+)\)$", said, re.MULTILINE
    )
    return [Figure("user-space ns over bare hyper", float(over), quiet=int(high) - int(low) <= 400)]


def over_peer(results: Results, name: str) -> float:
    """What a fan-out takes longer than the slowest peer at the median, in milliseconds."""
    alone = median(each.p50_ms for each in results["peer alone"])
    return median(each.p50_ms for each in results[name]) - alone
