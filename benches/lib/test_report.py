"""Tests of what is made of slices: `python3 -m unittest discover --start-directory benches/lib`."""

import contextlib
import dataclasses
import io
import unittest

import cores
import report
from gates import GATES, Figure
from measure import milliseconds
from slices import Load, Results, Slice, keep
from tables import paired, whole_cost

QUIET = Slice(
    requests=1000,
    seconds=1,
    threads_us=[9, 1],
    load_us=5,
    journal_us=30,
    records=1000,
    p50_ms=1,
    p99_ms=2,
    rss_mib=8,
    others=0.1,
    errors=0,
)

IN_PROCESS = """ns/request, best of 100: reading and writing alone 11, bare hyper 20, uecho 19
user-space ns/request: bare hyper 9, uecho 8, difference -1, ratio 0.89
difference within a round: +300 ns (+{low} to +500)
whole request, bare hyper over uecho: 0.75 (0.53 to 1.18)
"""


def costing(*threads_us: float, **others: float) -> Slice:
    """A quiet slice in which the threads of the server took so much of each request."""
    return dataclasses.replace(QUIET, threads_us=list(threads_us), **others)  # type: ignore[arg-type]


class Reports(unittest.TestCase):
    """From slices to figures."""

    def figures(self, made: list[Figure]) -> dict[str, float]:
        """By what they are about; each must be one that a gate or a reader knows."""
        return {figure.what: figure.value for figure in made}

    def test_ratios_are_taken_within_a_round(self) -> None:
        rounds = Results({"a": [costing(10), costing(40)], "b": [costing(5), costing(10)]})
        self.assertEqual(paired(rounds, "a", "b"), [2, 4])

    def test_journald_is_part_of_a_record(self) -> None:
        self.assertEqual(whole_cost(costing(9, 1)), 40)
        results = Results(
            {
                "uecho": [costing(10, journal_us=30, records=990)],
                "axum, tracing-journald": [costing(30, journal_us=50)],
            }
        )
        with contextlib.redirect_stdout(io.StringIO()):
            made = self.figures(report.logged(results))
        self.assertEqual(made["every request logged: CPU with journald's v axum, tracing-journald"], 0.5)
        self.assertEqual(made["every request logged: records per request"], 0.99)

    def test_cores_compares_two_workers_with_one_and_finds_the_shared_thread(self) -> None:
        results = Results({"uecho, 1": [costing(9, 1)], "uecho, 2": [costing(5, 4, 2, requests=1500)]})
        fresh = Results({"uecho, 1": [costing(20)], "uecho, 2": [costing(12, 8, 1)]})
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            made = self.figures(cores.report(results, fresh))
        self.assertAlmostEqual(made["two workers v one: CPU per request"], 1.1)
        self.assertEqual(made["two workers v one: requests a second"], 1.5)
        self.assertIn("workers share takes 2.000 us", out.getvalue())
        # one shared thread of 2 us: half a million a second, on 64 cores, too
        self.assertIn("| 64 | 500,000 |", out.getvalue())
        self.assertIn(
            "at least 4.00 us of each for that: no more than 250,000 new connections", out.getvalue()
        )

    def test_a_thread_that_only_accepts_is_found_among_workers_that_do_the_same(self) -> None:
        results = Results({"uecho, 1": [costing(20)], "uecho, 2": [costing(10, 10, 5)]})
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            cores.report(results, results)
        self.assertIn("no more than 200,000 new connections", out.getvalue())

    def test_a_load_that_needs_little_leaves_room_for_the_second_worker(self) -> None:
        for load_us, expected in ((0, 2), (5, 20 / 15), (10, 1), (30, 1)):
            slices = [costing(10, load_us=load_us)]
            self.assertAlmostEqual(cores.room(Results({"uecho, 1": slices, "uecho, 2": slices})), expected)

    def test_the_machines_part_is_that_of_nginx(self) -> None:
        names = {"uecho, 1": 10, "uecho, 2": 12.1, "nginx, 1": 10, "nginx, 2": 11}
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            results = Results({name: [costing(cpu)] for name, cpu in names.items()})
            cores.report(results, results)
        self.assertIn("serial fraction 0.210, less the machine's 0.100", out.getvalue())

    def test_in_process_is_what_uecho_takes_over_bare_hyper(self) -> None:
        said = IN_PROCESS.format(low=100)
        self.assertEqual(report.in_process(said), [Figure("user-space ns over bare hyper", -1)])

    def test_in_process_says_when_its_rounds_are_too_different(self) -> None:
        (figure,) = report.in_process(IN_PROCESS.format(low=99))
        self.assertFalse(figure.quiet)

    def test_every_gate_has_a_report_that_makes_its_figure(self) -> None:
        results = {name: [QUIET] for name in ("bare hyper", "uecho", "axum + usual telemetry")}
        results |= {name: [QUIET] for name in ("nginx, access log", "Go original", "uecho, 1", "uecho, 2")}
        results |= {name: [QUIET] for name in ("peer alone", "uecho fan-out", "reqwest")}
        results |= {name: [QUIET] for name in ("axum, tracing-journald", "axum, lines")}
        every = Results(results)
        with contextlib.redirect_stdout(io.StringIO()):
            made = (
                report.load(every)
                + report.logged(every)
                + cores.report(every, every)
                + report.idle((1, 2, 3))
            )
            made += report.in_process(IN_PROCESS.format(low=0))
            made += report.fanout(every, every) + report.start({"uecho": [1], "Go original": [1]})
        self.assertEqual({gate.what for gate in GATES} - {figure.what for figure in made}, set())


class Slices(unittest.TestCase):
    """Which rounds count, and what wrk is asked and says."""

    def test_a_round_counts_when_all_of_it_was_quiet(self) -> None:
        quiet, noisy = costing(1), costing(2, others=0.2)
        results = keep(["a", "b"], [[quiet, noisy], [quiet, quiet]])
        self.assertEqual(results, Results({"a": [quiet], "b": [quiet]}))

    def test_without_a_quiet_round_all_are_shown_and_called_disturbed(self) -> None:
        noisy = costing(2, others=0.2)
        self.assertEqual(keep(["a"], [[noisy], [noisy]]), Results({"a": [noisy, noisy]}, quiet=False))

    def test_the_load_is_pinned_and_paced(self) -> None:
        command = Load(cpus="0,1", threads=2, pause_ms=20).command("http://x/", 3)
        self.assertEqual(command[:6], ["taskset", "-c", "0,1", "wrk", "-t2", "-c64"])
        self.assertEqual(command[-3:], ["http://x/", "--", "20"])
        self.assertEqual(Load().command("http://x/", 3)[-2:], ["--latency", "http://x/"])
        command = Load(kept=False).command("http://x/", 3)
        self.assertEqual(command[-3:], ["-H", "Connection: close", "http://x/"])

    def test_durations_as_wrk_writes_them(self) -> None:
        self.assertEqual(
            list(map(milliseconds, ["250.00us", "1.50ms", "2.00s", "1.00m"])), [0.25, 1.5, 2000, 60000]
        )
