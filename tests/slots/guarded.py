"""Cases of the real `uecho-guard update`: what is refused, with which exit code, and that what runs is never
written. Where the two systemds differ, each case says how.
"""

import shutil

from control import MARKS_PARTIAL, READS_ZSTD, expire, flip, publish_broken, replay
from lab import FIRST, Try, ended
from server import Hold

BACK, REBOOTING, REFUSED, FAILED, LATER = 3, 4, 6, 70, 75
GUARD = "/usr/local/bin/uecho-guard"


def good(t: Try) -> None:
    """One update, one boot, one verdict; the other slot has the previous version."""
    t.release("1.1.0")
    with t.running_untouched():
        ended(t.update(), 0)
    t.claim_installed("1.1.0")
    assert t.appliance.read("run/systemctl.log") == "reboot", "no reboot was asked for"
    assert t.boot() == "1.1.0", f"it does not boot: {t.state()}"
    ended(t.verdict(healthy=True), 0)
    assert t.appliance.counter("1.1.0") is None, f"it is counted still: {t.state()}"
    assert t.appliance.complete(FIRST), f"the way back is gone: {t.state()}"
    with t.disk_untouched():
        ended(t.update(), 0, "up to date")


def only_looks(t: Try) -> None:
    t.release("1.1.0")
    with t.disk_untouched():
        ended(t.update("--check"), 0, "1.1.0")


def killed_download(t: Try) -> None:
    """Cut off anywhere, the next one needs no human."""
    names = ("SHA256SUMS", "SHA256SUMS.gpg", ".verity.zst", ".store.zst", ".efi")
    for version, suffix in zip(("1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"), names, strict=True):
        t.release(version)
        with t.running_untouched():
            t.kill_while(Hold(suffix, 0.5), GUARD, "update")
            t.claim_not_bootable(version)
            ended(t.update(), 0)
        t.claim_installed(version)


def flipped(t: Try) -> None:
    """A payload that is not the one that was signed for is not installed, and a later one is."""
    t.release("1.1.0")
    for kind in ("verity.zst", "store.zst", "efi"):
        flip(t, "1.1.0", kind)
        with t.running_untouched():
            ended(t.update(), FAILED)
        t.claim_not_bootable("1.1.0")
        flip(t, "1.1.0", kind)
    ended(t.update(), 0)
    t.claim_installed("1.1.0")


def signed_but_broken(t: Try) -> None:
    """Signed and complete, but the store is not that of its root hash: found before the reboot."""
    publish_broken(t, "1.1.0")
    with t.running_untouched():
        ended(t.update(), FAILED)
    t.claim_not_bootable("1.1.0")


def zstd(t: Try) -> None:
    """257 does not know zstd and says that all is well; the guard sees that it is no store."""
    ended(t.bench.publisher.publish(t.served, t.bench.shipped["1.1.0"].directory), 0)
    with t.running_untouched():
        if t.systemd >= READS_ZSTD:
            ended(t.update(), 0)
            t.claim_installed("1.1.0")
        else:
            ended(t.update(), FAILED)
            t.claim_not_bootable("1.1.0")


def refused_unseen(t: Try) -> None:
    """The list cannot be trusted: not a byte of the disk changes."""
    with t.disk_untouched():
        ended(t.update(), FAILED)


def unsigned(t: Try) -> None:
    t.release("1.1.0")
    (t.served / "SHA256SUMS.gpg").unlink()
    refused_unseen(t)


def foreign_key(t: Try) -> None:
    t.release("1.1.0")
    t.bench.stranger.sign(t.served)
    refused_unseen(t)


def no_gpg(t: Try) -> None:
    t.release("1.1.0")
    (t.appliance.root / "usr/bin/gpg").unlink()
    refused_unseen(t)


def no_keyring(t: Try) -> None:
    t.release("1.1.0")
    for keyring in (t.appliance.root / "etc/systemd").glob("import-pubring.*"):
        keyring.unlink()
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
    expire(t)
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
    replay(t, old)
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
    swap(t, "1.1.0@other")
    with t.disk_untouched():
        ended(t.update(), REFUSED, "quarantined")


def other_content_of_good(t: Try) -> None:
    """The version that runs is offered once more, with other content."""
    t.release("1.1.0")
    ended(t.update(), 0)
    assert t.boot() == "1.1.0"
    ended(t.verdict(healthy=True), 0)
    swap(t, "1.1.0@other")
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


def boot_partition_full(t: Try) -> None:
    """The boot image does not fit: nothing boots it, and with room it is installed."""
    t.release("1.1.0")
    filler = t.appliance.root / "boot/filler"
    fill(filler)
    with t.running_untouched():
        ended(t.update(), FAILED)
    t.claim_not_bootable("1.1.0")
    filler.unlink()
    ended(t.update(), 0)
    t.claim_installed("1.1.0")


def fill(filler: object) -> None:
    with open(str(filler), "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass  # no space is left


def swap(t: Try, name: str) -> None:
    """Serve one version alone, published by somebody who has forgotten that there was one of this name."""
    for file in t.served.iterdir():
        file.unlink()
    t.release(name)


CASES = (
    good,
    only_looks,
    killed_download,
    flipped,
    signed_but_broken,
    zstd,
    unsigned,
    foreign_key,
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
    boot_partition_full,
)
