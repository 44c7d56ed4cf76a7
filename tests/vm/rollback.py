def reboot() -> None:
    """Reboot, and expect the next verdict to be about that boot."""
    machine.reboot()
    before["activation"] = ""


def entry_of(system: str) -> str:
    """Entry of a system in the boot menu."""
    entries = json.loads(machine.succeed("bootctl list --json=short"))
    found = [entry["id"] for entry in entries if f"init={system}/init" in str(entry.get("options", ""))]
    t.assertEqual(len(found), 1, f"one entry for {system} in {entries}")
    return str(found[0])


machine.start(allow_reboot=True)
v1 = machine.succeed("readlink --canonicalize /run/current-system").strip()
serves("v1", v1)
verdict(v1, 0)

with subtest("a new generation serves at once, and after a reboot"):
    deploy(V2)
    serves("v2", V2)
    verdict(V2, 0)
    reboot()
    serves("v2", V2)
    verdict(V2, 0)

with subtest("back by hand, without a reboot"):
    before["activation"] = status()["last_verdict"]["activation"]
    machine.succeed(
        f"nix-env --profile {PROFILE} --rollback", f"{PROFILE}/bin/switch-to-configuration switch >&2"
    )
    serves("v1", v1)
    t.assertEqual(machine.succeed("readlink --canonicalize /run/current-system").strip(), v1)
    verdict(v1, 0)
    reboot()
    serves("v1", v1)
    verdict(v1, 0)

with subtest("another generation from the boot menu, for one boot"):
    machine.succeed(f"bootctl set-oneshot {entry_of(V2)}")
    reboot()
    serves("v2", V2)
    t.assertEqual(machine.succeed(f"readlink --canonicalize {PROFILE}").strip(), v1)
    reboot()
    serves("v1", v1)

with subtest("two generations leave room on the boot partition"):
    t.assertNotEqual(entry_of(v1), entry_of(V2))
    used = int(machine.succeed("df --output=pcent /boot | tail -n 1").strip().rstrip("%"))
    print(f"boot partition: {used} % used by two generations")
    t.assertLess(used, 50)
