"""One try: an appliance that runs its first version, a web server, who publishes; what cases claim of it."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance import BOOT_IMAGES, SYSUPDATE, Appliance, Outcome
from device import PARTITIONS, SLOTS, Disk
from payload import Payload
from publisher import Publisher
from server import Hold, Server

REPOSITORY = Path(__file__).resolve().parents[2]
TRANSFERS = REPOSITORY / "systemd/sysupdate.d"
# Version 1.0.0 is what the image came with, the first of this order.
FIRST = "1.0.0"

GUARD = """backend = "slots"
soak = "20ms"
interval = "10ms"
grace = "500ms"
probe = false
units = []
checks = [{ name = "lab", command = ["/lab/health"] }]
"""


@dataclass(frozen=True)
class Bench:
    """What all tries with one systemd share."""

    # of systemd
    version: str
    root: Path
    directory: Path
    payloads: dict[str, Payload]
    # Packed as they ship, which not every systemd reads.
    shipped: dict[str, Payload]
    publisher: Publisher
    stranger: Publisher
    guard: Path

    @property
    def order(self) -> list[str]:
        return list(dict.fromkeys(payload.version for payload in self.payloads.values()))


class Try:
    """Versions are released to the server, and the appliance updates from it."""

    def __init__(self, bench: Bench, name: str, *, guarded: bool) -> None:
        self.bench = bench
        self.payloads = bench.payloads
        self.directory = bench.directory / name
        self.directory.mkdir(parents=True)
        self.served = self.directory / "served"
        self.served.mkdir()
        self.server = Server(self.served)
        self.disk = Disk(self.directory / "disk.raw")
        self.appliance = Appliance(bench.root, bench.directory / f"{name}-machine", self.disk)
        self.systemd = int(bench.version.partition(".")[0])
        first = self.payloads[FIRST]
        self.disk.write_slot(SLOTS[0], FIRST, (first.tree, first.store), first.root_hash)
        shutil.copy(first.uki, self.appliance.root / BOOT_IMAGES / first.uki.name)
        self.appliance.run_as(FIRST)
        self.set_up_updates()
        if guarded:
            self.set_up_guard()

    def set_up_updates(self) -> None:
        """The transfers as they ship, with what the appliance says by drop-ins: source, and here the disk."""
        for transfer in sorted(TRANSFERS.glob("*.transfer")):
            self.appliance.write(f"usr/lib/sysupdate.d/{transfer.name}", transfer.read_text())
            place = f"etc/sysupdate.d/{transfer.name}.d"
            self.appliance.write(f"{place}/source.conf", f"[Source]\nPath={self.server.url}\n")
            if transfer.name != "90-uki.transfer":
                self.appliance.write(f"{place}/disk.conf", f"[Target]\nPath={self.disk.path}\n")
        self.trust(self.bench.publisher)

    def trust(self, *publishers: Publisher) -> None:
        """Have a keyring with the keys of these, and no others."""
        keyring = b"".join(publisher.keyring.read_bytes() for publisher in publishers)
        # 257 reads the first name only.
        for name in ("import-pubring.gpg", "import-pubring.pgp"):
            (self.appliance.root / "etc/systemd" / name).write_bytes(keyring)

    def set_up_guard(self) -> None:
        """The guard as it ships, with one check that the lab answers; it blesses the first version."""
        shutil.copy(self.bench.guard, self.appliance.root / "usr/local/bin/uecho-guard")
        self.appliance.write("etc/uecho/guard.toml", GUARD)
        blessed = self.verdict(healthy=True)
        assert blessed.status == 0, f"{FIRST} is not blessed ({blessed.status}): {blessed.said}"

    # --- what is done

    def release(self, name: str, *options: object, publisher: Publisher | None = None) -> None:
        """Publish a version."""
        publisher = publisher or self.bench.publisher
        outcome = publisher.publish(self.served, *options, self.payloads[name].directory)
        assert outcome.status == 0, f"publish {name}: {outcome.said}"

    def sysupdate(self, *arguments: str) -> Outcome:
        return self.appliance.run(SYSUPDATE, *arguments)

    def update(self, *arguments: str) -> Outcome:
        return self.appliance.run("uecho-guard", "update", *arguments)

    def verdict(self, *, healthy: bool) -> Outcome:
        """The guard's verdict on what runs, and what the machine does of its own after a good one."""
        self.appliance.write("lab/health", f"#!/bin/sh\nexit {0 if healthy else 1}\n", mode=0o755)
        outcome = self.appliance.run("uecho-guard", "verify")
        if outcome.status == 0 and self.appliance.counter(self.running()) is not None:
            self.appliance.bless(self.running())
        return outcome

    def boot(self) -> str:
        return self.appliance.boot(self.bench.order)

    def kill_while(self, hold: Hold, *command: str) -> str:
        """Start a command, and kill it when the server has come to `hold`; returns what it had said."""
        self.server.hold = hold
        process = self.appliance.start(*command)
        try:
            assert hold.reached.wait(60), f"nothing asked for *{hold.suffix}"
        finally:
            said = self.appliance.cut(process)
            hold.over.set()
            self.server.hold = None
        return said

    def signal_while(self, hold: Hold, number: int, *command: str) -> None:
        """As before, but only the command itself gets a signal; what it has started must end with it."""
        self.server.hold = hold
        process = self.appliance.start(*command)
        try:
            assert hold.reached.wait(60), f"nothing asked for *{hold.suffix}"
            process.send_signal(number)
            deadline = time.monotonic() + 20
            while left := self.appliance.processes():
                assert time.monotonic() < deadline, f"still there: {left}"
                time.sleep(0.05)
        finally:
            said = self.appliance.cut(process)
            hold.over.set()
            self.server.hold = None
        assert process.returncode == -number, f"ended with {process.returncode}: {said}"

    # --- what is claimed

    def running(self) -> str:
        return self.appliance.read("etc/os-release").rpartition("IMAGE_VERSION=")[2]

    def running_parts(self) -> str:
        """What must stay: the partitions of the version that runs, and its boot image."""
        version = self.running()
        slot = self.appliance.slot(version)
        assert slot is not None, f"the partitions of {version}, which runs, are gone"
        image = self.appliance.boot_images()[version]
        return f"{image.name} {hash(image.read_bytes())} {slot} {self.disk.fingerprint(*slot)}"

    @contextlib.contextmanager
    def running_untouched(self) -> Iterator[None]:
        """The version that runs keeps its bytes."""
        before = self.running_parts()
        yield
        after = self.running_parts()
        assert before == after, f"{self.running()} runs, and was changed: {before} became {after}"

    @contextlib.contextmanager
    def disk_untouched(self) -> Iterator[None]:
        """Not a byte of the disk changes: partition table, boot partition, slots."""
        before = self.everything()
        yield
        assert self.everything() == before, f"the disk was changed; it has {self.state()} now"

    def everything(self) -> str:
        boot = str(self.appliance.root / "boot")
        subprocess.run(["sync", "--file-system", boot], check=True)
        return self.disk.fingerprint_of_everything()

    def state(self) -> str:
        """The disk in one line, for who reads a failure."""
        labels = [f"{row.number}:{row.label}:{row.kind[:8]}" for row in self.disk.table()]
        images = sorted(path.name for path in (self.appliance.root / BOOT_IMAGES).iterdir())
        return " ".join([*labels, *images])

    def claim_installed(self, name: str) -> None:
        """It is there, whole, with three boots to prove itself, and not where the running version is."""
        payload = self.payloads[name]
        images = self.appliance.boot_images()
        assert payload.version in images, f"{payload.version} has no boot image: {self.state()}"
        assert self.appliance.counter(payload.version) == (3, 0), f"not untried: {self.state()}"
        served = (self.served / payload.uki.name).read_bytes()
        assert images[payload.version].read_bytes() == served, "another boot image than is served"
        assert self.appliance.root_hash(payload.version) == payload.root_hash, "another root hash"
        slot = self.appliance.slot(payload.version)
        assert len(self.disk.table()) == PARTITIONS, f"other partitions than there were: {self.state()}"
        assert slot in SLOTS, f"no slot of the right types has its UUIDs: {self.state()}"
        assert slot == self.disk.slot(payload.version), f"not labelled as it should be: {self.state()}"
        assert slot != self.appliance.slot(self.running()), "it is where the running version is"
        assert self.appliance.complete(payload.version), "its store does not fit its root hash"

    def claim_not_bootable(self, version: str) -> None:
        """The boot loader knows nothing of it."""
        assert version not in self.appliance.boot_images(), f"{version} can be booted: {self.state()}"

    def close(self) -> None:
        self.server.close()
        self.appliance.close()
        self.disk.close()
        shutil.rmtree(self.directory)


def ended(outcome: Outcome, status: int, *words: str) -> None:
    """Claim how a command ended, and what it said."""
    said = outcome.said.strip()
    assert outcome.status == status, f"ended with {outcome.status} instead of {status}: {said}"
    for word in words:
        assert word in said, f"did not say `{word}`: {said}"
