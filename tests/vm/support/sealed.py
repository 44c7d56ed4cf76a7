import json
import os
import subprocess
import tempfile
from typing import Any

# Before the machine's disk is named in the environment: the server has another one.
server.start()
server.wait_for_unit("nginx.service")
server.succeed(f"cp --recursive {KEYS} /root/keys", "chmod --recursive u=rwX,go= /root/keys")

# A disk of its own for this run, on top of the image.
disk = tempfile.NamedTemporaryFile(suffix=".qcow2")  # noqa: SIM115 (gone when the driver ends)
subprocess.run(
    [QEMU_IMG, "create", "-q", "-f", "qcow2", "-b", IMAGE, "-F", "raw", disk.name, "6G"], check=True
)
os.environ["NIX_DISK_IMAGE"] = disk.name


def status() -> dict[str, Any]:
    """What `uecho-guard status --json` says."""
    found: dict[str, Any] = json.loads(machine.succeed("uecho-guard status --json"))
    return found


def publish(payload: str) -> None:
    """Publish a version for the machine."""
    server.succeed(f"uecho-publish --gnupg-home /root/keys --to /srv/updates {payload} >&2")


def update() -> None:
    """Install what is published, as the timer does, and start it."""
    machine.succeed("systemctl start uecho-update.service")
    machine.reboot()


def judged(version: str) -> None:
    """Wait for the verdict on this boot, which is of this version, and assert that it serves."""

    def there(_last: bool) -> bool:
        now = status()
        return bool(now["judged"]) and now["guard"] is None

    machine.wait_for_unit("multi-user.target")
    retry(there, 600)
    now = status()
    print(now)
    t.assertEqual(now["running"], version)
    t.assertEqual(now["last_good"], version)
    machine.succeed(f"uecho probe --expect-system {version}")
    t.assertIn(f'IMAGE_VERSION="{version}"', machine.succeed("cat /etc/os-release"))


def images() -> list[str]:
    """The boot images on the machine, with their counters."""
    return sorted(machine.succeed("ls /boot/EFI/Linux").split())


def settled(*versions: str) -> None:
    """Wait until these are the boot images, without counters: the boot was good."""

    def there(_last: bool) -> bool:
        return images() == [f"uecho_{version}.efi" for version in sorted(versions)]

    retry(there, 120)


def quarantined(version: str) -> str:
    """Assert that a version is in quarantine, and that it is not installed again; returns the reason."""
    reasons = {bad["version"]: bad["reason"] for bad in status()["quarantined"]}
    t.assertIn(version, reasons)
    t.assertIn(f"uecho_{version}+0", " ".join(images()))
    t.assertEqual(machine.execute(f"uecho-guard update --to {version}")[0], 6)
    return str(reasons[version])
