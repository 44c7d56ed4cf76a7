import json
from typing import Any


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
