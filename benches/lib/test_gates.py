"""Tests of what is met, missed, and not to be judged."""

import unittest

from gates import Figure, Gate, judge


class Gates(unittest.TestCase):
    """What is met, missed, and not to be judged."""

    def test_the_limit_itself_is_within(self) -> None:
        for least in (True, False):
            self.assertTrue(Gate("x", 1.07, least).holds(1.07))
        self.assertFalse(Gate("x", 1.07).holds(1.08))
        self.assertFalse(Gate("x", 1.35, least=True).holds(1.34))

    def test_what_is_missed_is_said(self) -> None:
        what = "two workers v one: CPU per request"
        self.assertEqual(judge([Figure(what, 1.2)]), ([[what, "1.20", "at most 1.07", "MISSED"]], [what]))
        self.assertEqual(judge([Figure(what, 1.0)]), ([[what, "1.00", "at most 1.07", "met"]], []))

    def test_a_disturbed_figure_is_neither_met_nor_missed(self) -> None:
        rows, missed = judge([Figure("fan-out: CPU v reqwest", value, quiet=False) for value in (0.1, 9)])
        self.assertEqual([row[-1] for row in rows], ["DISTURBED", "DISTURBED"])
        self.assertEqual(missed, [])

    def test_a_figure_without_a_gate_has_no_row(self) -> None:
        self.assertEqual(judge([Figure("p99 v nginx, access log", 3)]), ([], []))
