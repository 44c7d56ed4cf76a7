"""Power cuts in each step of an update: while it downloads, while systemd-sysupdate gives partitions and boot
image their names, while a good version is blessed, and while a bad one is marked.

After each of them the machine comes up by itself with a version that serves, the last good version is still
there, a bad one that is marked does not run, and the next update needs no human.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lab
from computer import COMMAND_SECONDS
from eyes import Eyes, boot_images, parts_of
from hardware import Hardware
from lab import require
from server import Hold
from table import Result
from updates import FIRST, GOOD, SAYS_WRONG, UPDATE, UPDATE_SECONDS, WRONG, Bench, refused

NAME = "power-cuts"
VERSIONS = {GOOD: "good", WRONG: "wrong"}
UPDATES, BLESS, MARK = "update", "bless", "mark"
ONLY_FIRST = [f"uecho_{FIRST}.efi"]
BOTH = [f"uecho_{FIRST}.efi", f"uecho_{GOOD}.efi"]


@dataclass(frozen=True)
class Moment:
    """When the power is cut: first comes what is held, then the line, then the writes, then the flush."""

    step: str
    name: str
    # A file of which the server has sent this part.
    hold: tuple[str, float] | None = None
    # A line of the guard.
    line: str = ""
    # Parts of the disk, and which write to each it is.
    writes: tuple[tuple[str, int], ...] = ()
    flushed: bool = False


# Before the last bytes: systemd-sysupdate then gives both partitions their types, each with two writes to the
# table at the begin of the disk, and the boot image its name.
TAIL = (".efi", 0.98)
MOMENTS = (
    Moment(UPDATES, "download, first write to the partition table", writes=(("table", 1),)),
    Moment(UPDATES, "download, half of the hash tree", hold=(".verity.zst", 0.5)),
    Moment(UPDATES, "download, 5 % of the store", hold=(".store.zst", 0.05)),
    Moment(UPDATES, "download, 95 % of the store", hold=(".store.zst", 0.95)),
    Moment(UPDATES, "download, half of the boot image", hold=(".efi", 0.5)),
    Moment(UPDATES, "rename, first write to the partition table", TAIL, writes=(("table", 1),)),
    Moment(UPDATES, "rename, the same flushed", TAIL, writes=(("table", 1),), flushed=True),
    Moment(UPDATES, "rename, the second partition", TAIL, writes=(("table", 3),), flushed=True),
    Moment(UPDATES, "rename, the boot image", TAIL, writes=(("table", 4), ("esp", 1))),
    Moment(UPDATES, "rename, the same flushed", TAIL, writes=(("table", 4), ("esp", 1)), flushed=True),
    Moment(BLESS, "bless, first write to /var", writes=(("var", 1),)),
    Moment(BLESS, "bless, when it is said", line=f"blessed: {GOOD}"),
    Moment(BLESS, "bless, first write to the boot partition", writes=(("esp", 1),)),
    Moment(BLESS, "bless, the same flushed", writes=(("esp", 1),), flushed=True),
    Moment(BLESS, "bless, second write to the boot partition", writes=(("esp", 2),)),
    Moment(BLESS, "bless, when the boot image has its name", line="Marked boot as 'good'"),
    Moment(MARK, "mark bad, when it is said", line=f"quarantined: {WRONG}"),
    Moment(MARK, "mark bad, first write to /var", line=f"quarantined: {WRONG}", writes=(("var", 1),)),
    Moment(MARK, "mark bad, first write to the boot partition", writes=(("esp", 1),)),
    Moment(MARK, "mark bad, the same flushed", writes=(("esp", 1),), flushed=True),
    Moment(MARK, "mark bad, when the reboot is said", line=f"rebooting into {FIRST}"),
)


class Cuts:
    """Cuts on copies of three machines: one at rest, one that has just begun to judge a good version, and one
    with a bad one.
    """

    def __init__(self, rest: Hardware, bench: Callable[[Hardware], Bench], folder: Path) -> None:
        self.machines = {UPDATES: rest}
        self.bench, self.folder = bench, folder
        self.parts = parts_of(rest.disk)
        self.current: Bench | None = None
        folder.mkdir()

    def run(self, count: int) -> list[Result]:
        """Make so many cuts, evenly spread over the moments; return a line of the table for each."""
        results = []
        try:
            for number in range(count):
                moment = MOMENTS[number * len(MOMENTS) // count]
                if moment.step != UPDATES:
                    self.finish_update()
                results.append(self.cut(moment))
                print(f"     cut {number + 1}: {moment.name}: {results[-1].ends_on}", flush=True)
            self.finish_update()
        except BaseException:
            if self.current is not None:
                self.current.computer.explain()
                self.current.computer.power_cut()
            raise
        return results

    def cut(self, moment: Moment) -> Result:
        """Cut the power once, and check what the machine makes of it."""
        bench = self.current or self.take(moment.step)
        computer = bench.computer
        self.reach(bench, moment)
        computer.power_cut()
        if bench.server.hold is not None:
            bench.server.hold.over.set()
            bench.server.hold = None
        found = [
            name for name in boot_images(computer.hardware.disk, self.parts["esp"]) if name not in ONLY_FIRST
        ]
        begin, before = time.monotonic(), computer.boots_so_far()
        computer.boot()
        running = lab.settled(computer).running
        seconds, boots = time.monotonic() - begin, computer.boots_so_far() - before
        check(bench, moment.step, running, found, boots)
        if moment.step != UPDATES or running != FIRST:
            self.leave()
        return Result(f"power cut in {moment.name}", boots, seconds, f"{running}; found {found}")

    def reach(self, bench: Bench, moment: Moment) -> None:
        """Wait for the moment."""
        eyes = Eyes(bench.computer, self.parts)
        if moment.step == UPDATES:
            bench.publish(GOOD)
            hold = bench.server.hold = moment.hold and Hold(*moment.hold)
            bench.computer.succeed(f"systemctl start --no-block {UPDATE}")
            if hold is not None:
                require(hold.reached.wait(UPDATE_SECONDS), f"{UPDATE} does not download {hold.suffix}")
                if not moment.line and not moment.writes:
                    return
                eyes.requests.skip()
                hold.over.set()
        if moment.line:
            eyes.wait_for_line(moment.line, COMMAND_SECONDS)
        for part, number in moment.writes:
            eyes.wait_for_write(part, number, COMMAND_SECONDS)
        if moment.flushed:
            eyes.wait_for_flush(COMMAND_SECONDS)

    def take(self, step: str) -> Bench:
        """Start a machine that is about to do what is cut."""
        if step not in self.machines:
            self.machines[step] = self.on_trial({BLESS: GOOD, MARK: WRONG}[step])
        self.current = bench = self.bench(self.machines[step].copy(self.folder / step))
        bench.computer.resume()
        return bench

    def on_trial(self, name: str) -> Hardware:
        """Return a machine that is stopped when it has updated itself, and begins to judge that version."""
        self.current = bench = self.bench(self.machines[UPDATES].copy(self.folder / name))
        bench.computer.resume()
        bench.publish(name)
        eyes = Eyes(bench.computer, self.parts)
        bench.computer.succeed(f"systemctl start --no-block {UPDATE}")
        eyes.wait_for_line(f"on trial: {name}", UPDATE_SECONDS)
        machine = bench.computer.freeze()
        self.current = None
        return machine

    def finish_update(self) -> None:
        """Have the machine whose updates were cut update itself, and leave it."""
        if self.current is not None:
            self.current.update()
            require(lab.settled(self.current.computer).code == 0, "no good verdict on the update after a cut")
            self.current.claim(GOOD, BOTH)
        self.leave()

    def leave(self) -> None:
        """Switch the machine off for good."""
        if self.current is not None:
            self.current.computer.power_cut()
            shutil.rmtree(self.current.computer.folder)
            self.current = None


def check(bench: Bench, step: str, running: str, found: list[str], boots: int) -> None:
    """Check what a cut has left, by what was on the boot partition before the machine came up again."""
    if step == MARK:
        used_up = all(name.startswith(f"uecho_{WRONG}+0") for name in found)
        require(boots == (1 if used_up else 2), f"{boots} boots, with {found} before them")
        # The loader has counted the boot that was cut, and the one after it.
        done = 1 if used_up else 2
        bench.claim(FIRST, [*ONLY_FIRST, f"uecho_{WRONG}+0-{done}.efi"], {WRONG: SAYS_WRONG})
        refused(bench, WRONG)
    elif step == BLESS or (found and running != FIRST):
        require(boots == 1, f"{boots} boots instead of 1")
        bench.claim(GOOD, BOTH)
    else:
        require(boots == 1, f"{boots} boots instead of 1")
        bench.claim(FIRST, ONLY_FIRST)
