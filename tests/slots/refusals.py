"""Cases of the real `uecho-guard update`: what it refuses, with which exit code, and what it remembers.

Where the two systemds differ, each case says how.
"""

import shutil

import spoil
from control import MARKS_PARTIAL
from guarded import FAILED
from lab import FIRST, Try, ended
from publisher import Publisher

BACK, REBOOTING, REFUSED, LATER = 3, 4, 6, 75


def refused_unseen(t: Try) -> None:
    """The list cannot be trusted: not a byte of the disk changes."""
    with t.disk_untouched():
        ended(t.update(), FAILED)


def unsigned(t: Try) -> None:
    t.release("1.1.0")
    spoil.unsign(t)
    refused_unseen(t)


def foreign_key(t: Try) -> None:
    t.release("1.1.0")
    t.bench.stranger.sign(t.served)
    refused_unseen(t)


def expired_key(t: Try) -> None:
    """What a key has signed in its time stays good after that: only another keyring takes it back."""
    old = Publisher(t.directory / "old-key", at="20260101T000000", expires="30d")
    t.release("1.1.0", publisher=old)
    t.trust(old)
    with t.running_untouched():
        ended(t.update(), 0)
    t.claim_installed("1.1.0")


def rotated_key(t: Try) -> None:
    """Each key in the keyring signs; one that is not in it any more does not."""
    current, successor = t.bench.publisher, t.bench.stranger
    t.release("1.1.0", publisher=successor)
    refused_unseen(t)
    t.trust(current, successor)
    ended(t.update(), 0)
    assert t.boot() == "1.1.0"
    ended(t.verdict(healthy=True), 0)
    t.trust(successor)
    spoil.clear(t)
    t.release("1.2.0", publisher=current)
    refused_unseen(t)
    spoil.clear(t)
    t.release("1.2.0", publisher=successor)
    ended(t.update(), 0)
    t.claim_installed("1.2.0")


def no_gpg(t: Try) -> None:
    t.release("1.1.0")
    spoil.remove_gpg(t)
    refused_unseen(t)


def no_keyring(t: Try) -> None:
    t.release("1.1.0")
    spoil.remove_keyring(t)
    refused_unseen(t)


def no_version(t: Try) -> None:
    """Without the name of the running version systemd-sysupdate would overwrite its slot."""
    t.release("1.1.0")
    t.appliance.write("etc/os-release", "ID=uecho\n")
    before = t.everything()
    ended(t.update(), FAILED, "IMAGE_VERSION")
    assert t.everything() == before, f"the disk was changed: {t.state()}"


def expired(t: Try) -> None:
    """257 does not know BEST-BEFORE and installs; later ones refuse."""
    t.release("1.1.0")
    spoil.expire(t)
    if t.systemd >= MARKS_PARTIAL:
        refused_unseen(t)
    else:
        ended(t.update(), 0)
        t.claim_installed("1.1.0")


def replayed(t: Try) -> None:
    """An older list that was signed once changes nothing, neither unasked nor by name."""
    t.release("1.1.0")
    old = shutil.copytree(t.served, t.directory / "old")
    t.release("1.2.0")
    ended(t.update(), 0)
    assert t.boot() == "1.2.0"
    ended(t.verdict(healthy=True), 0)
    spoil.replay(t, old)
    with t.disk_untouched():
        ended(t.update(), 0, "up to date")
        ended(t.update("--to", "1.1.0"), REFUSED, "1.2.0")


def downgrade(t: Try) -> None:
    """Below what was good only with a reason."""
    t.release("0.9.0")
    with t.disk_untouched():
        ended(t.update(), 0, "up to date")
        ended(t.update("--to", "0.9.0"), REFUSED, FIRST)
    with t.running_untouched():
        ended(t.update("--to", "0.9.0", "--override", "a reason"), 0)
    t.claim_installed("0.9.0")
    assert t.boot() == "0.9.0", f"the newer one boots: {t.state()}"


def fall(t: Try, version: str) -> None:
    """Install a version that turns out to be bad, and come back."""
    running = t.running()
    t.release(version)
    ended(t.update(), 0)
    assert t.boot() == version, f"it does not boot: {t.state()}"
    ended(t.verdict(healthy=False), REBOOTING)
    assert t.appliance.counter(version) == (0, 1), f"not marked as bad: {t.state()}"
    assert t.boot() == running, f"not back: {t.state()}"
    ended(t.verdict(healthy=True), BACK, "proven healthy")


def bad_again(t: Try) -> None:
    """A bad version is refused, be it in its slot still or offered like new."""
    fall(t, "1.1.0")
    with t.disk_untouched():
        ended(t.update(), 0, "up to date")
        ended(t.update("--to", "1.1.0"), REFUSED, "quarantined")
    ended(t.sysupdate("vacuum", "--instances-max=1"), 0)
    ended(t.sysupdate("check-new"), 0, "1.1.0")
    with t.disk_untouched():
        ended(t.update(), REFUSED, "quarantined")
        ended(t.update("--to", "1.1.0"), REFUSED, "quarantined")


def other_content(t: Try) -> None:
    """The name of a bad version is burnt, whatever it has inside by now; and what runs is not replaced."""
    fall(t, "1.1.0")
    ended(t.sysupdate("vacuum", "--instances-max=1"), 0)
    spoil.swap(t, "1.1.0@other")
    with t.disk_untouched():
        ended(t.update(), REFUSED, "quarantined")


def other_content_of_good(t: Try) -> None:
    """The version that runs is offered once more, with other content."""
    t.release("1.1.0")
    ended(t.update(), 0)
    assert t.boot() == "1.1.0"
    ended(t.verdict(healthy=True), 0)
    spoil.swap(t, "1.1.0@other")
    with t.disk_untouched():
        ended(t.update(), 0)
        ended(t.update("--to", "1.1.0"), 0)


def newer_good_after_bad(t: Try) -> None:
    """Takes the slot of the bad one, which is remembered."""
    fall(t, "1.1.0")
    t.release("1.2.0")
    with t.running_untouched():
        ended(t.update(), 0)
    t.claim_installed("1.2.0")
    t.claim_not_bootable("1.1.0")
    assert t.boot() == "1.2.0"
    ended(t.verdict(healthy=True), 0)
    with t.disk_untouched():
        ended(t.update("--to", "1.1.0"), REFUSED, "quarantined")


def on_trial(t: Try) -> None:
    """The other slot is the way back until the verdict is in and systemd-bless-boot is done."""
    t.release("1.1.0")
    ended(t.update(), 0)
    assert t.boot() == "1.1.0"
    t.release("1.2.0")
    with t.disk_untouched():
        ended(t.update(), LATER, "1.1.0")
        ended(t.update("--to", "1.2.0"), LATER, "1.1.0")
    t.appliance.write("lab/health", "#!/bin/sh\nexit 0\n", mode=0o755)
    ended(t.appliance.run("uecho-guard", "verify"), 0)
    with t.disk_untouched():
        ended(t.update(), LATER, "boot counter")
    t.appliance.bless("1.1.0")
    ended(t.update(), 0)
    t.claim_installed("1.2.0")


CASES = (
    unsigned,
    foreign_key,
    expired_key,
    rotated_key,
    no_gpg,
    no_keyring,
    no_version,
    expired,
    replayed,
    downgrade,
    bad_again,
    other_content,
    other_content_of_good,
    newer_good_after_bad,
    on_trial,
)
