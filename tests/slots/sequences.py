"""Random sequences of releases, updates, kills, boots and verdicts, with the real guard.

Whatever happens, an update does not write what runs, there is a good version to boot, a bad one is not booted
again, and the next update needs no human.
"""

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from guarded import GUARD
from lab import FIRST, Bench, Try, ended
from refusals import BACK, REBOOTING, REFUSED
from server import Hold

ROUNDS = 2
PARTS = ("SHA256SUMS", "SHA256SUMS.gpg", ".verity.zst", ".store.zst", ".efi")


class Sequence:
    """What has happened so far to one appliance."""

    def __init__(self, t: Try, rng: random.Random, done: Counter[str]) -> None:
        self.t = t
        self.rng = rng
        self.done = done
        self.rank = t.bench.order.index
        self.coming = [version for version in t.bench.order if self.rank(version) > self.rank(FIRST)]
        self.good = [FIRST]
        self.bad: set[str] = set()
        self.fell = False
        self.condemned: set[str] = set()
        self.lists: list[Path] = []

    def run(self) -> None:
        for _ in range(ROUNDS):
            for step, chance in (
                (self.release, 0.9),
                (self.killed, 0.6),
                (self.replay, 0.15),
                (self.update, 0.7),
                (self.killed, 0.2),
                (self.boot, 0.7),
            ):
                if self.rng.random() < chance:
                    self.done[step.__name__] += 1
                    step()
                    self.claim_way_back()
        self.boot()
        self.release(bad=False)
        self.update()
        newest = self.newest()
        self.boot()
        assert self.t.running() == newest, f"the last update has not arrived: {self.t.state()}"

    def newest(self) -> str:
        """The newest version that is served."""
        served = [file.name for file in self.t.served.glob("uecho_*.efi")]
        listed = (self.t.served / "SHA256SUMS").read_text()
        return max((name[6:-4] for name in served if name in listed), key=self.rank)

    def release(self, bad: bool | None = None) -> None:
        version = self.coming.pop(0)
        if bad if bad is not None else self.rng.random() < 0.4:
            self.bad.add(version)
        if self.lists:
            restore(self.lists[-1], self.t.served)
        self.t.release(version)
        kept = self.t.directory / f"list-{version}"
        kept.mkdir()
        for file in [*self.t.served.glob("SHA256SUMS*"), *self.t.served.glob("BEST-BEFORE-*")]:
            shutil.copy(file, kept)
        self.lists.append(kept)

    def replay(self) -> None:
        if self.lists:
            restore(self.rng.choice(self.lists), self.t.served)

    def update(self) -> None:
        if not self.lists:
            return
        with self.t.running_untouched():
            outcome = self.t.update()
        newest = self.newest()
        if newest in self.condemned and outcome.status == REFUSED:
            return
        ended(outcome, 0)
        if newest not in self.condemned and self.rank(newest) > max(map(self.rank, self.good)):
            there = self.t.appliance.boot_images()
            assert newest in there, f"{newest} is not there: {outcome.said} {self.t.state()}"

    def killed(self) -> None:
        """Cut off an update at a random place, or shortly after all was downloaded."""
        hold = Hold(self.rng.choice(PARTS), self.rng.choice((0, 0.3, 0.7, 1, 1)))
        with self.t.running_untouched():
            self.t.server.hold = hold
            process = self.t.appliance.start(GUARD, "update")
            while process.poll() is None and not hold.reached.wait(0.02):
                pass
            if hold.part == 1:
                hold.over.set()
                time.sleep(self.rng.random() * 0.6)
            self.done["hit"] += process.poll() is None
            self.t.appliance.cut(process)
            hold.over.set()
            self.t.server.hold = None

    def boot(self) -> None:
        """Boot, and judge until a good one runs."""
        for _ in range(3):
            version = self.t.boot()
            assert version not in self.condemned, f"{version} is bad, and was booted again: {self.t.state()}"
            if self.judged(version):
                return
        raise AssertionError(f"no good version comes up: {self.t.state()}")

    def judged(self, version: str) -> bool:
        outcome = self.t.verdict(healthy=version not in self.bad)
        if version in self.bad:
            ended(outcome, REBOOTING)
            self.condemned.add(version)
            self.fell = True
            return False
        # The first good verdict after a bad one says that the way back has ended well.
        ended(outcome, BACK if self.fell else 0)
        self.fell = False
        self.good.append(version)
        return True

    def claim_way_back(self) -> None:
        """What runs is good, and can be booted again."""
        running = self.t.running()
        assert running in self.good, f"{running} runs"
        assert self.t.appliance.complete(running), f"{running} runs and is not whole: {self.t.state()}"
        counter = self.t.appliance.counter(running)
        assert counter is None or counter[0] > 0, f"{running} runs and cannot be booted: {self.t.state()}"


def restore(kept: Path, served: Path) -> None:
    """Serve a list of before."""
    for file in served.glob("BEST-BEFORE-*"):
        file.unlink()
    shutil.copytree(kept, served, dirs_exist_ok=True)


def sequences(seeds: range) -> Callable[[Bench], str]:
    """The case of these sequences; each has a seed of its own, so that it can be run alone."""

    def run(bench: Bench) -> str:
        done: Counter[str] = Counter()
        for seed in seeds:
            t = Try(bench, f"sequence-{seed}", guarded=True)
            try:
                Sequence(t, random.Random(seed), done).run()
            except AssertionError as error:
                raise AssertionError(f"--seed {seed} --sequences 1: {error}") from error
            finally:
                t.close()
        return f"{len(seeds)} sequences: " + ", ".join(
            f"{many} x {step}" for step, many in sorted(done.items())
        )

    return run
