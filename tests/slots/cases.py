"""All cases, and running them: those of one systemd one after the other, the two beside each other."""

import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import control
import guarded
import publishing
import refusals
from errors import RunnerError
from lab import Bench, Try
from publishing import Publishing
from sequences import sequences

HOST = "host"


@dataclass(frozen=True)
class Case:
    """Something to try: with the systemd of a Debian release, or with publish.sh on the host."""

    name: str
    suite: str
    # Takes a Bench, or Publishing.
    run: Callable[[Any], str | None]


def collect(suites: list[str], count: int, seed: int) -> list[Case]:
    """Every case; those of `suites` once for each."""
    found = [Case(f"publish {kebab(case)}", HOST, case) for case in publishing.CASES]
    for number, suite in enumerate(suites):
        for kind, cases in (("control", control.CASES), ("guard", guarded.CASES + refusals.CASES)):
            found += [Case(f"{kind} {kebab(case)}", suite, on_an_appliance(kind, case)) for case in cases]
        # All of them together are `count`.
        own = range(seed + number, seed + count, len(suites))
        found.append(Case("guard sequences", suite, sequences(own)))
    return found


def kebab(case: Callable[..., object]) -> str:
    return case.__name__.replace("_", "-")


def on_an_appliance(kind: str, case: Callable[[Try], None]) -> Callable[[Bench], None]:
    """The case on an appliance of its own."""

    def run(bench: Bench) -> None:
        t = Try(bench, f"{kind}-{kebab(case)}", guarded=kind == "guard")
        try:
            case(t)
        finally:
            t.close()

    return run


def select(cases: list[Case], wanted: list[str]) -> list[Case]:
    """Those whose names begin with one of `wanted`."""
    for beginning in wanted:
        if not any(case.name.startswith(beginning) for case in cases):
            names = ", ".join(sorted({case.name for case in cases}))
            raise RunnerError(f"no case begins with `{beginning}`; there are: {names}")
    return [case for case in cases if not wanted or case.name.startswith(tuple(wanted))]


def run(cases: list[Case], benches: dict[str, Bench], publish: Publishing) -> int:
    """Run them all; returns the exit status."""
    begin = time.monotonic()

    def lane(suite: str) -> list[bool]:
        bench = benches.get(suite, publish)
        version = bench.version if isinstance(bench, Bench) else "-"
        return [passes(case, bench, version) for case in cases if case.suite == suite]

    with ThreadPoolExecutor(len(benches)) as pool:
        results = [passed for lane_ in pool.map(lane, [HOST, *benches]) for passed in lane_]
    failed = results.count(False)
    seconds = time.monotonic() - begin
    print(f"slots: {len(results) - failed} passed, {failed} failed ({seconds:.0f} s)", flush=True)
    return 1 if failed else 0


def passes(case: Case, bench: object, version: str) -> bool:
    """Run a case and print its line."""
    begin, problem, note = time.monotonic(), "", None
    try:
        note = case.run(bench)
    except (AssertionError, RunnerError) as error:
        problem = str(error) or traceback.format_exc()
    except Exception:  # noqa: BLE001 - the others are still to run
        problem = traceback.format_exc()
    seconds = time.monotonic() - begin
    result = f"FAIL\n{problem.rstrip()}".replace("\n", "\n       ") if problem else f"ok  {note or ''}"
    # One write: the other lane prints as well.
    print(f"{case.name:32} {version:8} {seconds:6.1f} s  {result}".rstrip() + "\n", end="", flush=True)
    return not problem
