import json

PROFILE = "/nix/var/nix/profiles/system"


def serves(system: str) -> None:
    machine.wait_for_unit("uecho.service")
    machine.succeed(f"uecho probe --expect-system {system}")


def entry_of(system: str) -> str:
    """The boot menu's entry for a system."""
    entries = json.loads(machine.succeed("bootctl list --json=short"))
    found = [entry["id"] for entry in entries if f"init={system}/init" in str(entry.get("options", ""))]
    t.assertEqual(len(found), 1, f"one entry for {system} in {entries}")
    return str(found[0])


machine.start(allow_reboot=True)
serves("v1")
v1 = machine.succeed("readlink --canonicalize /run/current-system").strip()

with subtest("a new generation serves at once, and after a reboot"):
    machine.succeed(f"nix-env --profile {PROFILE} --set {V2}", f"{V2}/bin/switch-to-configuration switch >&2")
    serves("v2")
    machine.reboot()
    serves("v2")

with subtest("back by hand, without a reboot"):
    machine.succeed(f"nix-env --profile {PROFILE} --rollback", f"{PROFILE}/bin/switch-to-configuration switch >&2")
    serves("v1")
    t.assertEqual(machine.succeed("readlink --canonicalize /run/current-system").strip(), v1)
    machine.reboot()
    serves("v1")

with subtest("another generation from the boot menu, for one boot"):
    machine.succeed(f"bootctl set-oneshot {entry_of(V2)}")
    machine.reboot()
    serves("v2")
    t.assertEqual(machine.succeed(f"readlink --canonicalize {PROFILE}").strip(), v1)
    machine.reboot()
    serves("v1")

with subtest("two generations leave room on the boot partition"):
    t.assertNotEqual(entry_of(v1), entry_of(V2))
    used = int(machine.succeed("df --output=pcent /boot | tail -n 1").strip().rstrip("%"))
    print(f"boot partition: {used} % used by two generations")
    t.assertLess(used, 50)
