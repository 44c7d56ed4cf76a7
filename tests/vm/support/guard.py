import json
from typing import Any

PROFILE = "/nix/var/nix/profiles/system"
AT_WORK = "systemctl show --value --property=ActiveState uecho-guard.service | grep --line-regexp activating"
LOCK = "/run/uecho-guard/lock"
# The activation of the last verdict before the latest deployment.
before = {"activation": ""}


def status() -> dict[str, Any]:
    """Return the output of `uecho-guard status --json`."""
    found: dict[str, Any] = json.loads(machine.succeed("uecho-guard status --json"))
    return found


def deploy(version: str, environment: str = "") -> int:
    """Switch as `nixos-rebuild switch` does; return the exit code of the switch."""
    before["activation"] = (status()["last_verdict"] or {}).get("activation", "")
    machine.succeed(f"nix-env --profile {PROFILE} --set {version}")
    return machine.execute(f"{environment} {version}/bin/switch-to-configuration switch >&2")[0]


def verdict(version: str, code: int) -> str:
    """Wait for the verdict on what was deployed last, or on this boot: which version runs, and the exit code.

    Returns the reason.
    """

    def there(_last: bool) -> bool:
        now = status()
        about = (now["last_verdict"] or {}).get("activation", before["activation"])
        return now["guard"] is None and about != before["activation"]

    retry(there, 600)
    last = status()["last_verdict"]
    print(last)
    t.assertEqual((last["version"], last["code"]), (version, code))
    return str(last["text"])


def idle() -> None:
    """Wait until no guard runs or is about to run."""
    machine.sleep(2)
    machine.wait_until_fails(AT_WORK, timeout=300)
    machine.wait_until_succeeds(f"flock --nonblock {LOCK} true", timeout=300)


def hold() -> None:
    """Keep guards from checking until `let_go`."""
    idle()
    # A unit does not have the PATH of the shell.
    machine.succeed(
        f"systemd-run --quiet --unit=hold $(command -v flock) --exclusive {LOCK} $(command -v sleep) infinity"
    )
    machine.wait_until_fails(f"flock --nonblock {LOCK} true", timeout=60)


def let_go() -> None:
    """Let guards check again."""
    machine.succeed("systemctl stop hold.service")


def state(version: str) -> str:
    """Return the entry of a version in the ledger."""
    ledger = json.loads(machine.succeed("cat /var/lib/uecho-guard/ledger.json"))
    return str(ledger["versions"][version]["state"])


def runs(version: str) -> None:
    """Assert that a version runs and is installed."""
    links = machine.succeed(f"readlink --canonicalize /run/current-system {PROFILE}").split()
    t.assertEqual(links, [version, version])


def refused(version: str) -> None:
    """Assert that a version is quarantined, and that a switch to it changes nothing."""
    t.assertEqual(state(version), "quarantined")
    t.assertEqual(machine.execute(f"uecho-guard preflight {version}")[0], 6)
    link = machine.succeed("stat --format=%i /run/current-system")
    for action in ["switch", "test", "boot"]:
        machine.fail(f"{version}/bin/switch-to-configuration {action} >&2")
    t.assertEqual(machine.succeed("stat --format=%i /run/current-system"), link)
