"""The report of `cores`: one worker and two, then what the same would be with more cores."""

from gates import Figure
from model import ASSUMPTIONS, Scaling
from slices import Results, Slice
from tables import median, paired, quartiles, table

ONE, TWO = "uecho, 1", "uecho, 2"


def report(kept: Results, fresh: Results) -> list[Figure]:
    """Kept-alive connections with the model, then a connection for each request."""
    compare(kept)
    growth, rate = second_worker(kept, ONE, TWO)
    print(f"wrk on the same two CPUs leaves room for {room(kept):.2f} times the requests of one worker")
    machine = second_worker(kept, "nginx, 1", "nginx, 2")[0] if "nginx, 2" in kept.slices else 1
    one = median(each.cpu_us for each in kept[ONE])
    scaling = Scaling(one=one, two=one * growth, shared=shared(kept), machine=machine)
    print(
        f"serial fraction {scaling.serial:.3f}, less the machine's {scaling.own_serial:.3f}; "
        f"the busiest thread that workers share takes {scaling.shared:.3f} us of each request"
    )
    table("cores | req/s, nothing serial | less the machine's | all that was measured", scaling.rows())
    print(ASSUMPTIONS)
    connections(fresh)
    return [
        Figure("two workers v one: CPU per request", growth, kept.quiet),
        Figure("two workers v one: requests a second", rate, kept.quiet),
    ]


def compare(results: Results) -> None:
    """Each server beside uecho with one worker."""
    rows = []
    for name, slices in results.slices.items():
        rates = paired(results, name, ONE, lambda each: each.rate)
        spent = paired(results, name, ONE)
        rows.append(
            [
                name,
                f"{median(each.rate for each in slices):,.0f}",
                f"{median(rates):.2f}{quartiles(rates)}",
                f"{median(each.cpu_us for each in slices):.1f}",
                f"{median(spent):.2f}{quartiles(spent)}",
                f"{median(each.load_us for each in slices):.1f}",
                f"{median(busy(each) for each in slices):.2f}",
                f"{median(each.p99_ms for each in slices):.2f}",
                str(sum(each.errors for each in slices)),
            ]
        )
    table(
        f"server, workers | req/s | v {ONE} (quartiles) | CPU us/req | v {ONE} (quartiles) | "
        "wrk's CPU us/req | cores busy | p99 ms | errors",
        rows,
    )


def connections(fresh: Results) -> None:
    """What accepting and handing over leaves: the serial part of a connection, not of a request."""
    print("\nA connection for each request:")
    compare(fresh)
    second_worker(fresh, ONE, TWO)
    spent = max(shared(fresh), median(lead(each.threads_us) for each in fresh[TWO]))
    if spent > 0:
        print(
            f"the thread that accepts takes at least {spent:.2f} us of each for that: no more than "
            f"{1e6 / spent:,.0f} new connections a second, however many cores"
        )


def room(results: Results) -> float:
    """How many times the requests of one worker two could at most do, when wrk needs the same two CPUs: one
    worker is held up by its own CPU or by both being full, two by both being full."""
    pairs = zip(results[ONE], results[TWO], strict=True)
    return median(
        max(2 * one.cpu_us, one.cpu_us + one.load_us) / (two.cpu_us + two.load_us) for one, two in pairs
    )


def shared(results: Results) -> float:
    """CPU microseconds per request on the busiest thread that is no worker, with two."""
    return median(after(each.threads_us, 2) for each in results[TWO])


def lead(threads_us: list[float]) -> float:
    """What the busiest does more than the next: with a worker that accepts for all, its work for the others,
    or some of it, since the others serve more of the connections."""
    first, second = [*threads_us, 0][:2]
    return first - second


def second_worker(results: Results, one: str, two: str) -> tuple[float, float]:
    """By how much CPU time per request and requests a second grow with the second worker."""
    spent, rate = paired(results, two, one), paired(results, two, one, lambda each: each.rate)
    print(
        f"{two} v {one}: CPU per request {median(spent):.2f}{quartiles(spent)}, "
        f"requests a second {median(rate):.2f}{quartiles(rate)}"
    )
    return median(spent), median(rate)


def busy(each: Slice) -> float:
    """How many cores server and load had at work."""
    return (each.cpu_us + each.load_us) * each.rate / 1e6


def after(threads_us: list[float], workers: int) -> float:
    """The busiest thread after the workers, which are the busiest of all."""
    return threads_us[workers] if len(threads_us) > workers else 0
