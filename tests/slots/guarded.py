"""Cases of the real `uecho-guard update`: what is installed, and that what arrives broken is not.

Where the two systemds differ, each case says how. What is not even begun is in refusals.py.
"""

import os
import signal

import payload
import spoil
from control import READS_ZSTD
from lab import FIRST, Try, ended
from publisher import secure_boot_key
from server import Hold

FAILED = 70
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


def secure_boot(t: Try) -> None:
    """A boot image that was signed when it was published is as good as any."""
    t.release("1.1.0", "--secure-boot", *secure_boot_key(t.directory, "firmware"))
    with t.running_untouched():
        ended(t.update(), 0)
    t.claim_installed("1.1.0")
    assert t.appliance.boot_images()["1.1.0"].read_bytes() != t.payloads["1.1.0"].uki.read_bytes(), (
        "not signed"
    )
    assert t.boot() == "1.1.0", f"it does not boot: {t.state()}"


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


def emptied(t: Try) -> None:
    """A power cut while its file was renamed has left a boot image empty: the next update brings it again,
    whether it has not been booted yet or was good already.
    """
    t.release("1.1.0")
    ended(t.update(), 0)
    t.claim_installed("1.1.0")
    t.appliance.boot_images()["1.1.0"].write_bytes(b"")
    ended(t.update(), 0)
    t.claim_installed("1.1.0")
    assert t.boot() == "1.1.0", f"it does not boot: {t.state()}"
    ended(t.verdict(healthy=True), 0)
    t.appliance.boot_images()["1.1.0"].write_bytes(b"")
    assert t.boot() == FIRST, f"the other one does not boot: {t.state()}"
    ended(t.verdict(healthy=True), 0)
    ended(t.update(), 0)
    t.claim_installed("1.1.0")


def interrupted(t: Try) -> None:
    """Ctrl-C, or a signal that nothing can catch: the download ends as well, and the next one goes on."""
    t.release("1.1.0")
    for number in (signal.SIGINT, signal.SIGKILL):
        with t.running_untouched():
            t.signal_while(Hold(".store.zst", 0.5), number, GUARD, "update")
            t.claim_not_bootable("1.1.0")
    ended(t.update(), 0)
    t.claim_installed("1.1.0")


def flipped(t: Try) -> None:
    """A payload that is not the one that was signed for is not installed, and a later one is."""
    t.release("1.1.0")
    for kind in ("verity.zst", "store.zst", "efi"):
        spoil.flip(t, "1.1.0", kind)
        with t.running_untouched():
            ended(t.update(), FAILED)
        t.claim_not_bootable("1.1.0")
        spoil.flip(t, "1.1.0", kind)
    ended(t.update(), 0)
    t.claim_installed("1.1.0")


def signed_but_broken(t: Try) -> None:
    """Signed and complete, but the store is not that of its root hash: found before the reboot."""
    spoil.publish_broken(t, "1.1.0")
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


def boot_partition_full(t: Try) -> None:
    """A boot image would not fit: told before anything is erased, and with room it is installed."""
    t.release("1.1.0")
    filler = t.appliance.root / "boot/filler"
    fill(filler)
    with t.disk_untouched():
        ended(t.update("--check"), FAILED, "boot partition has room for")
        ended(t.update(), FAILED, "not installed: the boot partition has room for")
    filler.unlink()
    ended(t.update(), 0)
    t.claim_installed("1.1.0")


def boot_image_too_large(t: Try) -> None:
    """Larger than any before, it turns out not to fit: nothing boots it, and with room it is installed."""
    larger = payload.copy(t.payloads["1.1.0"], t.directory / "larger")
    with open(larger / t.payloads["1.1.0"].uki.name, "ab") as uki:
        uki.write(os.urandom(1 << 20))  # zeros may take no room
    ended(t.bench.publisher.publish(t.served, larger), 0)
    room, filler = t.appliance.root / "boot/room", t.appliance.root / "boot/filler"
    # For one like the one that runs, and not for this one.
    room.write_bytes(bytes(t.appliance.boot_images()[FIRST].stat().st_size + (1 << 16)))
    fill(filler)
    room.unlink()
    with t.running_untouched():
        ended(t.update(), FAILED, "not installed")
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


CASES = (
    good,
    secure_boot,
    only_looks,
    killed_download,
    emptied,
    interrupted,
    flipped,
    signed_but_broken,
    zstd,
    boot_partition_full,
    boot_image_too_large,
)
