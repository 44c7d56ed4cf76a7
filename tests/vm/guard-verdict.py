BAD = {"exit": EXIT, "receipt": RECEIPT, "unready": UNREADY, "dies": DIES}

start_all()
machine.wait_for_unit("multi-user.target")
machine.succeed(f"nix-env --profile {PROFILE} --set {V1}")

with subtest("the version that was booted is verified, blessed, and kept from garbage collection"):
    verdict(V1, 0)
    t.assertEqual(state(V1), "blessed")
    t.assertIn(V1, machine.succeed("readlink /nix/var/nix/gcroots/uecho-guard/*"))

with subtest("a deploy knows the verdict on what it has activated by this name"):
    name = machine.succeed(
        "echo $(readlink --canonicalize /run/current-system)@$(stat --format=%.9Z#%i /run/current-system)"
    ).strip()
    t.assertEqual(status()["last_verdict"]["activation"], name)

for kind, bad in BAD.items():
    with subtest(f"a version that is bad ({kind}) ends with the old one serving"):
        deploy(bad)
        print(f"{kind}: {verdict(V1, 3)}")
        runs(V1)
        serves("v1", V1)

    with subtest(f"the same one ({kind}) again is refused before anything changes"):
        refused(bad)
        serves("v1", V1)

with subtest(
    "to look at what would be done is allowed, and past the check the guard takes it back all the same"
):
    machine.succeed(f"{EXIT}/bin/switch-to-configuration dry-activate >&2")
    deploy(RECEIPT, "NIXOS_NO_CHECK=1")
    t.assertIn("quarantined", verdict(V1, 3))
    runs(V1)

with subtest("a newer good version is blessed"):
    t.assertEqual(deploy(V2), 0)
    verdict(V2, 0)
    runs(V2)
    serves("v2", V2)

with subtest("the last good version is two generations back"):
    idle()
    machine.succeed(f"uecho-guard release {UNREADY}", f"uecho-guard release {RECEIPT}")
    hold()
    deploy(UNREADY)
    deploy(RECEIPT)
    let_go()
    verdict(V2, 3)
    runs(V2)
    t.assertEqual(status()["last_good"], V2)
    serves("v2", V2)

with subtest("a human's override is recorded, and the version is judged anew"):
    idle()
    machine.succeed(f"uecho-guard preflight {EXIT} --override 'I know what I do'")
    deploy(EXIT)
    verdict(V2, 3)
    t.assertEqual(status()["overrides"][-1]["reason"], "I know what I do")
    t.assertEqual(state(EXIT), "quarantined")

with subtest("a human goes back, and the version gone back to is proven"):
    idle()
    t.assertEqual(machine.execute("uecho-guard rollback >&2")[0], 3)
    runs(V1)
    serves("v1", V1)

with subtest("one event for each quarantine, with its fields"):
    events = machine.succeed("journalctl --boot --identifier=uecho-guard --output=json").splitlines()
    quarantined = [event for event in map(json.loads, events) if event.get("EVENT") == "quarantined"]
    t.assertEqual({event["VERSION"] for event in quarantined}, set(BAD.values()))
    for event in quarantined:
        t.assertTrue(event["REASON"] and event["SECONDS"] and event["STATE"] == "quarantined", event)
