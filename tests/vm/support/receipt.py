def identity(label: str, toplevel: str) -> str:
    """What a receipt says of a system: its label, and the store hash of its toplevel."""
    return f"{label}+{toplevel.removeprefix('/nix/store/').partition('-')[0]}"


def serves(label: str, toplevel: str) -> None:
    """Assert that this system answers, and says so."""
    machine.wait_for_unit("uecho.service")
    machine.succeed(f"uecho probe --expect-system {identity(label, toplevel)}")
