"""Control cases: what systemd-sysupdate does by itself with the transfers as they ship, and what it leaves to
the guard. Where the two systemds differ, each case says how.
"""

import shutil
from datetime import UTC, datetime

import spoil
from device import SLOTS
from lab import FIRST, Try, ended
from server import Hold

# From here on systemd marks partitions that are not complete, and honours BEST-BEFORE.
MARKS_PARTIAL = 260
# From here on it reads zstd.
READS_ZSTD = 258


def good(t: Try) -> None:
    """Installs a version in the other slot, with the UUIDs of its root hash and three boots."""
    t.release("1.1.0")
    with t.running_untouched():
        ended(t.sysupdate("update"), 0)
    t.claim_installed("1.1.0")


def killed_download(t: Try) -> None:
    """257 simply tries again; later ones refuse for ever, until somebody vacuums."""
    t.release("1.1.0")
    with t.running_untouched():
        t.kill_while(Hold(".store.zst", 0.5), "/usr/lib/systemd/systemd-sysupdate", "update")
        t.claim_not_bootable("1.1.0")
        if t.systemd >= MARKS_PARTIAL:
            ended(t.sysupdate("update"), 1, "Vacuum it")
            ended(t.sysupdate("vacuum"), 0)
        ended(t.sysupdate("update"), 0)
    t.claim_installed("1.1.0")


def flipped(t: Try) -> None:
    """A payload that is not the one that was signed for is not installed."""
    t.release("1.1.0")
    spoil.flip(t, "1.1.0", "store.zst")
    with t.running_untouched():
        ended(t.sysupdate("update"), 1)
    t.claim_not_bootable("1.1.0")


def unsigned(t: Try) -> None:
    """No signature, no change."""
    t.release("1.1.0")
    spoil.unsign(t)
    with t.disk_untouched():
        ended(t.sysupdate("update"), 1)


def foreign_key(t: Try) -> None:
    """A signature by somebody else is none."""
    t.release("1.1.0")
    t.bench.stranger.sign(t.served)
    with t.disk_untouched():
        ended(t.sysupdate("update"), 1, "ignature verification failed")


def no_gpg(t: Try) -> None:
    """Without gpg nothing can be verified, so nothing is installed."""
    t.release("1.1.0")
    spoil.remove_gpg(t)
    with t.disk_untouched():
        ended(t.sysupdate("update"), 1)


def no_keyring(t: Try) -> None:
    """Nobody is trusted."""
    t.release("1.1.0")
    spoil.remove_keyring(t)
    with t.disk_untouched():
        ended(t.sysupdate("update"), 1)


def expired(t: Try) -> None:
    """257 does not know BEST-BEFORE and installs; later ones refuse, from the begin of the day on (UTC)."""
    t.release("1.1.0")
    if t.systemd >= MARKS_PARTIAL:
        for day in ("2026-01-01", f"{datetime.now(UTC).date()}"):
            spoil.expire(t, day)
            with t.disk_untouched():
                ended(t.sysupdate("update"), 1, "out-of-date")
    else:
        spoil.expire(t)
        ended(t.sysupdate("update"), 0)
        t.claim_installed("1.1.0")


def replayed(t: Try) -> None:
    """An older list that was signed once: nothing to do, as long as nobody asks for the version by name."""
    t.release("1.1.0")
    old = shutil.copytree(t.served, t.directory / "old")
    t.release("1.2.0")
    ended(t.sysupdate("update"), 0)
    t.claim_installed("1.2.0")
    spoil.replay(t, old)
    with t.disk_untouched():
        ended(t.sysupdate("update"), 0, "No update needed")


def downgrade(t: Try) -> None:
    """By name an older version is installed: a floor is the guard's business."""
    t.release("0.9.0")
    with t.running_untouched():
        ended(t.sysupdate("update", "0.9.0"), 0, "proceeding anyway")
    t.claim_installed("0.9.0")


def forgets_bad(t: Try) -> None:
    """A bad version is offered again once its slot is vacuumed: memory is the guard's business."""
    t.release("1.1.0")
    ended(t.sysupdate("update"), 0)
    image = t.appliance.boot_images()["1.1.0"]
    image.rename(image.with_name("uecho_1.1.0+0-1.efi"))
    ended(t.sysupdate("check-new"), 1)
    ended(t.sysupdate("vacuum", "--instances-max=1"), 0)
    ended(t.sysupdate("check-new"), 0, "1.1.0")


def erases_way_back(t: Try) -> None:
    """While a version is on trial, the next one takes the slot of the last good one."""
    t.release("1.1.0")
    ended(t.sysupdate("update"), 0)
    assert t.boot() == "1.1.0"
    t.release("1.2.0")
    with t.running_untouched():
        ended(t.sysupdate("update"), 0)
    t.claim_installed("1.2.0")
    t.claim_not_bootable(FIRST)


def signed_but_broken(t: Try) -> None:
    """It looks at the hashes of files only: a store that does not fit its boot image is installed."""
    spoil.publish_broken(t, "1.1.0")
    ended(t.sysupdate("update"), 0)
    assert not t.appliance.complete("1.1.0"), f"it is whole: {t.state()}"


def zstd(t: Try) -> None:
    """257 does not know zstd: it installs what is no store, and says that all is well."""
    ended(t.bench.publisher.publish(t.served, t.bench.shipped["1.1.0"].directory), 0)
    ended(t.sysupdate("update"), 0)
    assert t.appliance.complete("1.1.0") == (t.systemd >= READS_ZSTD), f"{t.state()}"


def unprotected(t: Try) -> None:
    """Without the name of the running version its own slot is overwritten; so such claims can fail."""
    t.release("1.1.0")
    ended(t.sysupdate("update"), 0)
    t.release("1.2.0")
    t.appliance.write("etc/os-release", "ID=uecho\n")
    before = t.disk.fingerprint(*SLOTS[0])
    ended(t.sysupdate("update"), 0)
    assert t.disk.fingerprint(*SLOTS[0]) != before, f"{FIRST} was kept: {t.state()}"


CASES = (
    good,
    killed_download,
    flipped,
    unsigned,
    foreign_key,
    no_gpg,
    no_keyring,
    expired,
    replayed,
    downgrade,
    forgets_bad,
    erases_way_back,
    signed_but_broken,
    zstd,
    unprotected,
)
