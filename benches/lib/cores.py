"""The report of `cores`: one worker and two, then what the same would be with more cores."""

from gates import Figure
from model import ASSUMPTIONS, Scaling
from slices import Results, Slice
from tables import median, paired, quartiles, table


def report(results: Results) -> list[Figure]:
    """One worker and two, then what the same would be with more cores."""
    one, two = "uecho, 1", "uecho, 2"
    rows = []
    for name, slices in results.slices.items():
        rates = paired(results, name, one, lambda each: each.rate)
        spent = paired(results, name, one)
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
        f"server, workers | req/s | v {one} (quartiles) | CPU us/req | v {one} (quartiles) | "
        "wrk's CPU us/req | cores busy | p99 ms | errors",
        rows,
    )
    growth, rate = second_worker(results, one, two)
    machine = second_worker(results, "nginx, 1", "nginx, 2")[0] if "nginx, 2" in results.slices else 1
    scaling = Scaling(
        one=median(each.cpu_us for each in results[one]),
        two=median(each.cpu_us for each in results[one]) * growth,
        shared=median(after(each.threads_us, 2) for each in results[two]),
        machine=machine,
    )
    print(
        f"serial fraction {scaling.serial:.3f}, less the machine's {scaling.own_serial:.3f}; "
        f"the busiest thread that workers share takes {scaling.shared:.3f} us of each request"
    )
    table("cores | req/s, nothing serial | less the machine's | all that was measured", scaling.rows())
    print(ASSUMPTIONS)
    return [
        Figure("two workers v one: CPU per request", growth, results.quiet),
        Figure("two workers v one: requests a second", rate, results.quiet),
    ]


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
