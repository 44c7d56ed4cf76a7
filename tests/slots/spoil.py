"""What goes wrong with what is served, or with the machine that updates from it."""

import shutil

from lab import Try, ended


def unsign(t: Try) -> None:
    """Take the signature away."""
    (t.served / "SHA256SUMS.gpg").unlink()


def remove_gpg(t: Try) -> None:
    """Take the program away that verifies signatures."""
    (t.appliance.root / "usr/bin/gpg").unlink()


def remove_keyring(t: Try) -> None:
    """Take all public keys away."""
    for keyring in (t.appliance.root / "etc/systemd").glob("import-pubring.*"):
        keyring.unlink()


def flip(t: Try, name: str, kind: str, place: float = 0.5) -> None:
    """Change a byte of what is served."""
    file = t.served / t.payloads[name].file(kind).name
    content = bytearray(file.read_bytes())
    content[int(len(content) * place)] ^= 1
    file.write_bytes(content)


def publish_broken(t: Try, name: str) -> None:
    """Publish a version with the store of another one, under the name of its own."""
    broken = t.payloads[name]
    directory = shutil.copytree(broken.directory, t.directory / "broken")
    shutil.copy(t.payloads[f"{name}@other"].file("store.zst"), directory / broken.file("store.zst").name)
    ended(t.bench.publisher.publish(t.served, directory), 0)


def expire(t: Try, day: str = "2026-01-01") -> None:
    """Give the list this date, and sign it so: publish.sh would not."""
    manifest = t.served / "SHA256SUMS"
    (name,) = (line.split()[1] for line in manifest.read_text().splitlines() if "BEST-BEFORE-" in line)
    (t.served / name).rename(t.served / f"BEST-BEFORE-{day}")
    manifest.write_text(manifest.read_text().replace(name, f"BEST-BEFORE-{day}"))
    t.bench.publisher.sign(t.served)


def replay(t: Try, old: object) -> None:
    """Serve what was served before, the newer payload beside it."""
    for file in t.served.glob("BEST-BEFORE-*"):
        file.unlink()
    shutil.copytree(str(old), t.served, dirs_exist_ok=True)


def swap(t: Try, name: str) -> None:
    """Serve one version alone, published by somebody who has forgotten that there was one of this name."""
    clear(t)
    t.release(name)


def clear(t: Try) -> None:
    """Serve nothing."""
    for file in t.served.iterdir():
        file.unlink()
