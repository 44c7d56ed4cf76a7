"""Cases of nixos/publish.sh: what it puts where, what it refuses, and that a refusal changes nothing."""

import fcntl
import hashlib
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import payload
from appliance import Outcome
from device import tool
from lab import ended
from payload import Payload
from publisher import Publisher, secure_boot_key


class Publishing:
    """Each case publishes in a directory of its own."""

    def __init__(
        self, directory: Path, payloads: dict[str, Payload], publisher: Publisher, stranger: Publisher
    ) -> None:
        self.directory = directory
        self.payloads = payloads
        self.publisher = publisher
        self.stranger = stranger
        directory.mkdir()

    def fresh(self, name: str) -> Path:
        path = self.directory / name
        path.mkdir()
        return path

    def published(self, name: str, *versions: str) -> Path:
        """A directory with these versions."""
        to = self.fresh(name)
        for version in versions:
            ended(self.publish(to, self.payloads[version].directory), 0)
        return to

    def publish(self, to: Path, *arguments: object) -> Outcome:
        return self.publisher.publish(to, *arguments)

    def refused(self, to: Path, status: int, words: str, *arguments: object) -> None:
        """It ends so, says what is at fault in one line, and changes nothing."""
        before = content(to)
        outcome = self.publish(to, *arguments)
        ended(outcome, status, words)
        assert len(outcome.said.splitlines()) == 1, f"more than one line: {outcome.said}"
        assert content(to) == before, f"changed: {sorted(content(to))}"

    def claim_valid(self, to: Path, *versions: str, days: int = 14) -> None:
        """The list is signed and names exactly these versions and a date, and all of it is there."""
        self.publisher.gpg("--verify", str(to / "SHA256SUMS.gpg"), str(to / "SHA256SUMS"))
        # Midnight may have passed since it was published.
        now = datetime.now(UTC) + timedelta(days=days)
        dates = {f"BEST-BEFORE-{(now - ago).date()}" for ago in (timedelta(), timedelta(minutes=1))}
        names = {file.name for version in versions for file in self.payloads[version].directory.iterdir()}
        lines = (to / "SHA256SUMS").read_text().splitlines()
        listed = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
        assert set(listed) - dates == names, f"listed: {sorted(listed)}"
        assert len(set(listed) & dates) == 1, f"listed: {sorted(listed)}"
        there = {path.name for path in to.iterdir()}
        assert there == {*listed, "SHA256SUMS", "SHA256SUMS.gpg"}, f"served: {sorted(there)}"
        for name, digest in listed.items():
            assert hashlib.sha256((to / name).read_bytes()).hexdigest() == digest, f"{name} has another hash"

    def first_and_next(self) -> None:
        to = self.published("first", "1.0.0")
        self.claim_valid(to, "1.0.0")
        ended(self.publish(to, "--best-before", 3, self.payloads["1.1.0"].directory), 0, "1.1.0")
        self.claim_valid(to, "1.0.0", "1.1.0", days=3)

    def order_of_writes(self) -> None:
        """The list is the last that changes: payload first."""
        to = self.published("order", "1.0.0")
        ended(self.publish(to, self.payloads["1.1.0"].directory), 0)
        changed = {path.name: path.stat().st_ctime_ns for path in to.iterdir()}
        newest = max(time for name, time in changed.items() if name.startswith(("uecho_", "BEST-BEFORE")))
        assert newest < changed["SHA256SUMS.gpg"] < changed["SHA256SUMS"], f"{changed}"

    def twice_or_older(self) -> None:
        to = self.published("twice", "1.1.0")
        older, same, other = (self.payloads[name].directory for name in ("1.0.0", "1.1.0", "1.1.0@other"))
        self.refused(to, 6, "1.1.0 is not newer than 1.1.0", same)
        self.refused(to, 6, "1.1.0 is not newer than 1.1.0", other)
        self.refused(to, 6, "1.0.0 is not newer than 1.1.0", older)
        nine, ten = (self.payloads[name].directory for name in ("1.9.0", "1.10.0"))
        ended(self.publish(to, nine), 0)
        ended(self.publish(to, ten), 0)
        self.refused(to, 6, "1.9.0 is not newer than 1.10.0", nine)
        self.refused(to, 6, "1.10.0 is not newer than 1.10.0", ten)

    def wrong_payload(self) -> None:
        to = self.published("payload", "1.0.0")
        good = self.payloads["1.1.0"]
        uki = f"{good.uki.name}"

        def changed(name: str) -> Path:
            return payload.copy(good, self.directory / name)

        empty = self.fresh("empty")
        self.refused(to, 69, "not complete", empty)
        for kind in ("efi", "store.zst", "verity.zst"):
            lacks = changed(f"lacks-{kind}")
            (lacks / good.file(kind).name).unlink()
            self.refused(to, 69, "not complete", lacks)
        more = changed("more")
        (more / "README").touch()
        self.refused(to, 69, "more/README", more)
        two = changed("two")
        shutil.copy(self.payloads["1.2.0"].uki, two)
        self.refused(to, 69, "versions 1.1.0 and 1.2.0", two)
        for version in ("1.1+0", "1.1_0", "V1", "1234567890123456789012345"):
            named = changed(f"named-{version}")
            (named / uki).rename(named / f"uecho_{version}.efi")
            self.refused(to, 69, f"uecho_{version}.efi", named)
        renamed = changed("renamed")
        for file in list(renamed.iterdir()):
            file.rename(renamed / file.name.replace("1.1.0", "1.1.1"))
        self.refused(to, 69, "IMAGE_VERSION=1.1.0", renamed)
        foreign = changed("foreign-store")
        shutil.copy(self.payloads["1.1.0@other"].uki, foreign / uki)
        self.refused(to, 69, f"usrhash={self.payloads['1.1.0@other'].root_hash}", foreign)
        self.refused(to, 2, "no-such", self.directory / "no-such")

    def wrong_key(self) -> None:
        to = self.published("key", "1.0.0")
        next_version = self.payloads["1.1.0"].directory
        self.refused(to, 69, "no secret key nobody@example.org", "--key", "nobody@example.org", next_version)
        empty = self.directory / "gnupg-empty"
        empty.mkdir(mode=0o700)
        self.refused(to, 69, "no secret key", "--gnupg-home", empty, next_version)
        self.refused(to, 2, "no-home", "--gnupg-home", self.directory / "no-home", next_version)
        ended(self.publish(to, "--key", "ours@example.org", next_version), 0)

    def two_keys(self) -> None:
        """With more than one secret key, somebody has to say which."""
        owner = Publisher(self.directory / "two-keys")
        owner.gpg("--passphrase", "", "--quick-generate-key", "next@example.org", "ed25519", "sign", "never")
        to, payload_ = self.fresh("keys"), self.payloads["1.0.0"].directory
        outcome = owner.publish(to, payload_)
        ended(outcome, 69, "--key names one of")
        assert not content(to), f"changed: {sorted(content(to))}"
        ended(owner.publish(to, "--key", "next@example.org", payload_), 0)
        # What the other key has signed is ours as well: so a key is replaced.
        ended(owner.publish(to, "--key", "two-keys@example.org"), 0)

    def at_once(self) -> None:
        """Two do not publish in one directory at once."""
        to = self.published("at-once", "1.0.0")
        descriptor = os.open(to, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self.refused(to, 75, "another one is publishing", self.payloads["1.1.0"].directory)
        finally:
            os.close(descriptor)

    def wrong_directory(self) -> None:
        """What somebody else signed, changed or removed is not signed again."""
        next_version = self.payloads["1.2.0"].directory
        to = self.published("changed", "1.0.0", "1.1.0")
        store = to / self.payloads["1.0.0"].file("store.zst").name
        kept = store.read_bytes()
        store.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        self.refused(to, 69, f"{store.name} is not what was published", next_version)
        self.refused(to, 69, f"{store.name} is not what was published")
        store.unlink()
        self.refused(to, 69, f"{store.name} is missing", next_version)
        store.write_bytes(kept)
        (to / self.payloads["1.1.0"].uki.name).unlink()
        self.refused(to, 69, "uecho_1.1.0.efi is missing")
        foreign = self.published("foreign", "1.0.0")
        self.stranger.sign(foreign)
        # Somebody whose public key is in our ring is still somebody else.
        self.publisher.gpg("--import", str(self.stranger.keyring))
        self.refused(foreign, 69, "not signed with a key of ours", next_version)
        self.refused(self.fresh("nothing"), 69, "nothing to sign")
        self.refused(to, 2, "no-directory", "--to", self.directory / "no-directory")

    def signed_again(self) -> None:
        to = self.published("again", "1.0.0", "1.1.0")
        ended(self.publish(to, "--best-before", 30), 0)
        self.claim_valid(to, "1.0.0", "1.1.0", days=30)
        # An older version can be taken off.
        for file in self.payloads["1.0.0"].directory.iterdir():
            (to / file.name).unlink()
        ended(self.publish(to), 0)
        self.claim_valid(to, "1.1.0")
        self.refused(to, 6, "1.0.0 is not newer", self.payloads["1.0.0"].directory)
        # The newest cannot, or nobody knows what was published.
        for file in self.payloads["1.1.0"].directory.iterdir():
            (to / file.name).unlink()
        self.refused(to, 69, "is missing; put it back")

    def cut_off(self) -> None:
        """What was cut off before it was signed is forgotten, and finished after that."""
        to, after = self.published("cut", "1.0.0"), self.published("after", "1.0.0", "1.1.0")
        stage = to / ".publish"
        stage.mkdir()
        shutil.copy(self.payloads["1.1.0"].uki, stage)
        ended(self.publish(to), 0)
        self.claim_valid(to, "1.0.0")
        # All is staged, and one of the two renames of the list has happened.
        stage.mkdir()
        for file in after.iterdir():
            if "1.1.0" in file.name or file.name.startswith(("SHA256SUMS", "BEST-BEFORE")):
                shutil.copy(file, stage)
        shutil.copy(after / "SHA256SUMS.gpg", to)
        ended(self.publish(to), 0, "finishing what was cut off")
        self.claim_valid(to, "1.0.0", "1.1.0")

    def secure_boot(self) -> None:
        """The boot image is signed before its hash is taken."""
        to = self.fresh("secure")
        one, two = (secure_boot_key(self.directory, name) for name in ("one", "two"))
        name = self.payloads["1.0.0"].directory
        self.refused(to, 69, "one.key.pem", "--secure-boot", one[0], two[1], name)
        self.refused(to, 2, "no-key.pem", "--secure-boot", self.directory / "no-key.pem", one[1], name)
        ended(self.publish(to, "--secure-boot", *one, name), 0)
        uki = to / self.payloads["1.0.0"].uki.name
        tool(["sbverify", "--cert", str(one[1]), str(uki)])
        assert uki.read_bytes() != self.payloads["1.0.0"].uki.read_bytes(), "not signed"
        self.claim_valid(to, "1.0.0")


def content(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


CASES = (
    Publishing.first_and_next,
    Publishing.order_of_writes,
    Publishing.twice_or_older,
    Publishing.wrong_payload,
    Publishing.wrong_key,
    Publishing.two_keys,
    Publishing.at_once,
    Publishing.wrong_directory,
    Publishing.signed_again,
    Publishing.cut_off,
    Publishing.secure_boot,
)
