def identity(label: str, toplevel: str) -> str:
    """Return how a receipt names a system: its label, and the store hash of its toplevel."""
    return f"{label}+{toplevel.removeprefix('/nix/store/').partition('-')[0]}"


def serves(label: str, toplevel: str) -> None:
    """Assert that this system answers, with its receipt."""
    machine.wait_for_unit("uecho.service")
    machine.succeed(f"uecho probe --expect-system {identity(label, toplevel)}")
