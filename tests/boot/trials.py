"""Trial boots of a new version that panics, hangs, does not serve as itself, or is good. Each must end with
the right default.
"""

import time
from dataclasses import dataclass

import lab
from computer import Computer
from table import Result


@dataclass(frozen=True)
class Trial:
    """A new version, and how its trial must end."""

    name: str
    kind: str
    boot: str
    survives: bool
    # Part of the verdict's text, when the verdict must be bad.
    reason: str = ""
    # The number of boots until the verdict: that of the new version, and that back.
    boots: int = 2

    @property
    def label(self) -> str:
        return "v2" if self.survives else f"bad-{self.name}"


TRIALS = (
    Trial("panics", "good", "panic", survives=False, reason="trial boot"),
    Trial("hangs", "good", "hang", survives=False, reason="trial boot"),
    Trial("fails-verify", "receipt", "good", survives=False, reason="system is `another-version+"),
    Trial("good", "good", "good", survives=True, boots=1),
)


def run(computer: Computer, trial: Trial) -> Result:
    """Install and try a version; return what happened from the reboot into it to the verdict."""
    computer.boot()
    old = lab.settled(computer)
    lab.check_complete(computer, old)
    new = computer.succeed(lab.make(trial.label, trial.kind, trial.boot)).strip()
    armed = computer.succeed(lab.install(new))
    choice = lab.State.of(computer)
    lab.require((choice.default, choice.oneshot) == (old.running, new), f"not armed: {choice}\n{armed}")
    begin, before = time.monotonic(), computer.boots_so_far()
    computer.restart()
    state = lab.settled(computer)
    seconds, boots = time.monotonic() - begin, computer.boots_so_far() - before
    expected = new if trial.survives else old.running
    lab.require(state.running == state.booted == expected, f"not {expected} runs: {state}")
    lab.check_complete(computer, state)
    reason = state.quarantined.get(new, "")
    lab.require(
        bool(reason) != trial.survives and trial.reason in reason,
        f"quarantined for {reason!r}, expected {trial.reason!r}",
    )
    lab.require(boots == trial.boots, f"{boots} boots instead of {trial.boots}")
    # What counts is the version that the machine boots when nobody intervenes.
    computer.power_cut()
    computer.boot()
    again = lab.settled(computer)
    lab.require(again.running == expected, f"after a power cut {again.running} runs, not {expected}")
    lab.check_complete(computer, again)
    return Result(
        trial.name, boots, seconds, f"the {'new' if trial.survives else 'old'} version, verdict {state.code}"
    )
