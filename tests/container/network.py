"""The network between the machines of one scenario: a bridge in the network namespace of the runner."""

import subprocess
from collections.abc import Callable

from container import Container

BRIDGE = "uecho-vlan1"


def create() -> str:
    """Make the bridge; return its name."""
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("link", "set", BRIDGE, "up")
    return BRIDGE


def remove() -> None:
    ip("link", "delete", BRIDGE)


def addresses(names: list[str], given: dict[str, str]) -> dict[str, str]:
    """Return the address of each machine: the given one, or the one that the NixOS driver would give it,
    which numbers them in the order of their names.
    """
    return {
        name: given.get(name, f"192.168.1.{number}") for number, name in enumerate(sorted(names), start=1)
    }


def hosts(addresses: dict[str, str]) -> str:
    """Return the content of /etc/hosts."""
    rows = [f"{address} {name}" for name, address in addresses.items()]
    return "\n".join(["127.0.0.1 localhost", "::1 localhost", *rows, ""])


def link(container: Container, address: str) -> Callable[[str], None]:
    """Return a function for the machine's end of the network: `attach`, `block`, `unblock`."""

    def act(action: str) -> None:
        if container.bridge is None:
            if action != "attach":
                raise NotImplementedError(f"{action}: a single machine has no network")
            return
        if action == "attach":
            container.run(f"ip address add {address}/24 dev host0; ip link set host0 up", 30)
        # systemd-nspawn names the outer end after the machine.
        ip("link", "set", f"vb-{container.host_name}", "down" if action == "block" else "up")

    return act


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
