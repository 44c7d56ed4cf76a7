"""What a machine does not install, whoever asks: anything while its own version is on trial, an older version
that is offered again, one below the highest that was good, and a bad version, whatever it has inside.
"""

from dataclasses import replace

import lab
from lab import require
from updates import FIRST, GOOD, SAYS_WRONG, WRONG, Bench, Case, refused

SLOW, OTHER = "1.1.1", "1.2.2"


def answers(bench: Bench, code: int, part: str, options: str = "") -> None:
    """An update ends like this, and says so."""
    status, said, complained = bench.computer.run(f"uecho-guard update {options}")
    require((status, part in said + complained) == (code, True), f"{status}: {said}{complained}")


def on_trial(bench: Bench) -> None:
    """While a version is on trial, the other slot is the way back."""
    bench.publish(SLOW)
    bench.update()
    bench.publish(GOOD)
    for options in ("", f"--to {GOOD}", f"--to {GOOD} --override 'impatient'"):
        answers(bench, 75, "verifying what runs", options)
    require(lab.settled(bench.computer).code == 0, f"{SLOW} is not good after that")


def disguised(bench: Bench) -> Bench:
    """Return whoever publishes another version under the name of one that is bad: what is inside does not
    count.
    """
    folder = bench.channel.parent / "disguised"
    folder.mkdir()
    for file in bench.versions[OTHER].payload.iterdir():
        content = file.read_bytes()
        if file.suffix == ".efi":
            content = content.replace(f"IMAGE_VERSION={OTHER}".encode(), f"IMAGE_VERSION={WRONG}".encode())
        (folder / file.name.replace(OTHER, WRONG)).write_bytes(content)
    other = replace(bench.versions[OTHER], name=WRONG, payload=folder)
    return replace(bench, versions=bench.versions | {WRONG: other})


def refusals(bench: Bench) -> str:
    """Each is refused, and the machine stays as it is."""
    on_trial(bench)
    files = [f"uecho_{FIRST}.efi", f"uecho_{SLOW}.efi"]
    bench.claim(SLOW, files)
    bench.publish(FIRST)
    answers(bench, 0, "up to date")
    answers(bench, 6, f"{SLOW} was blessed, and this is lower", f"--to {FIRST}")
    bench.publish(GOOD)
    answers(bench, 6, f"{SLOW} was blessed, and this is lower", f"--to {GOOD}")
    bench.claim(SLOW, files)
    bench.try_out(WRONG)
    files, bad = [f"uecho_{SLOW}.efi", f"uecho_{WRONG}+0-1.efi"], {WRONG: SAYS_WRONG}
    bench.claim(SLOW, files, bad)
    disguised(bench).publish(WRONG)
    refused(bench, WRONG)
    bench.claim(SLOW, files, bad)
    return f"{SLOW}, blessed; {FIRST}, {GOOD} and both {WRONG} refused"


CASES = (
    Case(
        "refusals",
        refusals,
        3,
        versions={SLOW: "slow", GOOD: "good", WRONG: "wrong", OTHER: "good"},
    ),
)
