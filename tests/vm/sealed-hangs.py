import time


def install(payload: str) -> None:
    """Publish a version and install it, without starting it."""
    publish(payload)
    machine.succeed("systemctl start uecho-update.service")


def store(version: str) -> str:
    """The partition with the store of a version."""
    machine.succeed("udevadm trigger --settle --subsystem-match=block")
    return machine.succeed(f"readlink --canonicalize-existing /dev/disk/by-partlabel/uecho_{version}").strip()


def lose(version: str) -> None:
    """Give the store of a version another UUID than its boot image asks for."""
    device = store(version)
    number = machine.succeed(f"cat /sys/class/block/{device.removeprefix('/dev/')}/partition").strip()
    uuid = "00000000-0000-4000-8000-000000000001"
    disk = device[: -len(number)]
    machine.succeed(f"sfdisk --no-reread --no-tell-kernel --part-uuid {disk} {number} {uuid}")


def spoil(version: str) -> None:
    """Write some bytes into each of the first hundred MiB of a version's store."""
    machine.succeed(
        "for mib in $(seq 1 100); do"
        f" dd if=/dev/urandom of={store(version)} bs=16 count=1 oflag=seek_bytes"
        " seek=$((mib << 20)) conv=notrunc,fsync status=none; done"
    )


machine.start(allow_reboot=True)
judged("1")

cases = {
    "2": ("panics in the initrd", EARLY, None),
    "3": ("panics later", LATE, None),
    "4": ("has lost its slot", LOST, lose),
    "5": ("has a store that is not what was signed", CORRUPT, spoil),
}
for number, (kind, payload, harm) in cases.items():
    with subtest(f"a version that {kind} gets its boots, and the machine comes back with the good one"):
        install(payload)
        t.assertIn(f"uecho_{number}+2-0.efi", images())
        if harm is not None:
            harm(number)
            machine.succeed("sync")
        begin = time.monotonic()
        machine.reboot()
        judged("1")
        reason = quarantined(number)
        print(f"{kind}: back after {time.monotonic() - begin:.0f} s: {reason}")
        t.assertIn(f"uecho_{number}+0-2.efi", images())

    with subtest(f"and stays with it ({kind})"):
        machine.reboot()
        judged("1")
        t.assertIn("uecho_1.efi", images())
