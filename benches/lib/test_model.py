"""Tests of the model of more cores."""

import unittest

from model import CORES, Scaling


class Model(unittest.TestCase):
    """Amdahl's law, its limits, and what is put down to whom."""

    def test_nothing_serial_scales_with_the_cores(self) -> None:
        scaling = Scaling(one=10, two=10, shared=0)
        self.assertEqual([scaling.expected(n, scaling.serial) for n in CORES], [n * 1e5 for n in CORES])

    def test_two_cores_give_back_what_was_measured(self) -> None:
        scaling = Scaling(one=10, two=10.7, shared=0)
        self.assertAlmostEqual(scaling.serial, 0.07)
        self.assertAlmostEqual(scaling.expected(2, scaling.serial), 2e6 / 10.7)

    def test_a_serial_fraction_is_what_limits_many_cores(self) -> None:
        scaling = Scaling(one=10, two=11, shared=0)
        self.assertAlmostEqual(scaling.expected(4, scaling.serial), 1e5 * 4 / 1.3)
        self.assertAlmostEqual(scaling.expected(64, scaling.serial), 1e5 * 64 / 7.3)
        self.assertLess(scaling.expected(10**6, scaling.serial), 1e5 / scaling.serial)

    def test_a_second_worker_that_makes_requests_cheaper_is_no_gain(self) -> None:
        self.assertEqual(Scaling(one=10, two=9, shared=0).serial, 0)

    def test_what_the_machine_adds_is_not_the_servers(self) -> None:
        scaling = Scaling(one=10, two=12.1, shared=0, machine=1.1)
        self.assertAlmostEqual(scaling.serial, 0.21)
        self.assertAlmostEqual(scaling.own_serial, 0.1)
        self.assertEqual(Scaling(one=10, two=10.5, shared=0, machine=1.1).own_serial, 0)
        self.assertAlmostEqual(Scaling(one=10, two=10.5, shared=0, machine=0.9).own_serial, 0.05)

    def test_a_shared_thread_is_the_ceiling(self) -> None:
        scaling = Scaling(one=10, two=10, shared=1)
        self.assertEqual(scaling.expected(4, 0), 4e5)
        self.assertEqual(scaling.expected(16, 0), 1e6)

    def test_a_row_goes_from_the_best_case_to_the_worst(self) -> None:
        rows = Scaling(one=10, two=12.1, shared=0, machine=1.1).rows()
        self.assertEqual(rows[0], ["1", "100,000", "100,000", "100,000"])
        self.assertEqual(rows[1], ["2", "200,000", "181,818", "165,289"])
        self.assertEqual([row[0] for row in rows], ["1", "2", "4", "16", "64"])
