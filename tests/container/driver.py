"""The global names of a scenario, as in the NixOS test driver."""

import os
import unittest

from errors import RequestedAssertionFailed
from machine import Machine, retry
from report import Report


class Assertions(unittest.TestCase):
    """`t` of a scenario."""

    failureException = RequestedAssertionFailed
    maxDiff = None


def symbols(machines: list[Machine], report: Report) -> dict[str, object]:
    """Return the namespace in which a scenario is executed."""

    def start_all() -> None:
        for machine in machines:
            machine.start()

    def join_all() -> None:
        for machine in machines:
            machine.wait_for_shutdown()

    named = {machine.name.replace("-", "_"): machine for machine in machines}
    if len(machines) == 1:
        named["machine"] = machines[0]
    return {
        "__name__": "__scenario__",
        "start_all": start_all,
        "join_all": join_all,
        "subtest": report.subtest,
        "retry": retry,
        "log": report,
        "machines": machines,
        "os": os,
        "t": Assertions(),
        **named,
    }
