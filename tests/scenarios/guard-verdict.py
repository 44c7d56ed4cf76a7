# Good versions are blessed; bad ones, each with a fault of its own, are taken back, remembered and refused;
# better versions can still be deployed.
import json

LOAD = "/run/uecho-load"

start_all()
machine.wait_for_unit("uecho.socket")


def make(label, kind="good"):
    return machine.succeed(f"uecho-toplevel make {label} {kind}").strip()


def deploy(version):
    """Do what `nixos-rebuild switch` does; return its status."""
    return machine.execute(f"uecho-toplevel deploy {version}")[0]


def verdict(version, code):
    """Wait until the guard is at rest; its last verdict must be `code` for `version`."""
    last = json.loads(machine.succeed("uecho-toplevel verdict"))
    t.assertEqual((last["code"], last["version"]), (code, version), json.dumps(last))
    return last


def status():
    return json.loads(machine.succeed("uecho-guard status --json"))


def state(version):
    ledger = json.loads(machine.succeed("cat /var/lib/uecho-guard/ledger.json"))
    return ledger["versions"][version]["state"]


def serves(version):
    # without --url, the probe of another version reads a configuration that it may not understand
    machine.succeed(
        f"uecho probe --url unix:/run/uecho/public.sock --expect-system $(uecho-toplevel identity {version})"
    )


with subtest("the first version is activated, verified by the unit, blessed and pinned"):
    v1 = make("v1")
    machine.succeed(f"ln -sfn {v1} /run/booted-system")
    t.assertEqual(deploy(v1), 0)
    verdict(v1, 0)
    t.assertEqual(state(v1), "blessed")
    t.assertEqual(machine.succeed("readlink /nix/var/nix/gcroots/uecho-guard/*-nixos-system-v1").strip(), v1)
    serves(v1)

with subtest("without EFI variables, arming reports that and does not fail"):
    t.assertIn("no EFI variables", machine.succeed("uecho-guard arm 2>&1; uecho-guard status"))

bad = {}
for kind in ["exit", "wrong", "dies", "unready", "receipt", "stale", "crash"]:
    with subtest(f"the guard goes back from a bad version ({kind})"):
        label = f"bad-{kind}"
        version = bad[kind] = make(label, kind)
        machine.succeed(
            f"rm -f {LOAD}.*; touch {LOAD}.go; systemd-run --quiet --unit=uecho-load"
            f" --property=StandardOutput=truncate:{LOAD}.json --"
            f" uecho-load --while-file {LOAD}.go --rate 100 --workers 16"
            " --requests 100000 --seconds 120 --timeout 30"
        )
        machine.succeed("sleep 1")
        begin = float(machine.succeed("date +%s.%N"))
        deploy(version)
        last = verdict(v1, 3)
        t.assertEqual(
            machine.succeed("systemctl show --value --property=ExecMainStatus uecho-guard.service").strip(),
            "3",
        )
        serves(v1)
        machine.succeed(f"sleep 0.5; rm {LOAD}.go")
        machine.wait_until_fails("systemctl is-active uecho-load.service", timeout=60)
        load = json.loads(machine.succeed(f"cat {LOAD}.json"))
        event = machine.succeed(
            "journalctl -b -o json -t uecho-guard --output-fields=EVENT | grep rolled_back | tail -1"
        )
        seconds = int(json.loads(event)["__REALTIME_TIMESTAMP"]) / 1e6 - begin
        answered = {
            receipt["receipt"].partition("system=")[2].partition(";")[0]: receipt["requests"]
            for receipt in load["receipts"]
        }
        print(
            f"{kind}: proven back after {seconds:.1f} s; {load['requests']} requests,"
            f" {load['failed']} lost {load['failures']},"
            f" longest wait {load['max_ms'] / 1000:.1f} s, answered by {answered}; {last['text']}"
        )
        t.assertEqual(state(version), "quarantined")
        t.assertEqual(
            machine.succeed("readlink -f /run/current-system /nix/var/nix/profiles/system").split(), [v1, v1]
        )
        t.assertEqual(machine.execute(f"uecho-guard preflight {version}")[0], 6)

with subtest("the same bad version is refused the next time, and that is counted"):
    machine.fail(f"{bad['exit']}/bin/switch-to-configuration switch")
    serves(v1)
    t.assertIn(
        f'uecho_guard_refusals_total{{version="{bad["exit"]}"}}',
        machine.succeed("cat /run/uecho-guard/metrics.prom"),
    )

with subtest("a newer good version is blessed"):
    v2 = make("v2")
    t.assertEqual(deploy(v2), 0)
    verdict(v2, 0)
    serves(v2)

with subtest(
    "the guard blesses a good version, and goes back from and to it, although its"
    " configuration has a key that the guard does not know"
):
    newer, bad_newer = make("newer", "newer"), make("bad-newer", "wrong")
    t.assertEqual(deploy(newer), 0)
    verdict(newer, 0)
    serves(newer)
    deploy(bad_newer)
    verdict(newer, 3)
    serves(newer)
    t.assertEqual(deploy(v2), 0)
    verdict(v2, 0)
    t.assertEqual(deploy(v1), 0)
    verdict(v1, 0)
    t.assertEqual(deploy(v2), 0)
    verdict(v2, 0)

with subtest("the last good version is two generations back"):
    machine.succeed("systemctl stop uecho-guard.path")
    for label in ["worse", "worst"]:
        worst = make(label, "wrong")
        deploy(worst)
    machine.succeed("systemctl start uecho-guard.path")
    t.assertEqual(machine.execute("uecho-guard verify")[0], 3)
    serves(v2)
    t.assertEqual(status()["last_good"], v2)
    # the unit has waited until then
    machine.succeed("uecho-toplevel verdict")

with subtest("an override is recorded, and the version is judged again"):
    machine.succeed(f"uecho-guard preflight {bad['dies']} --override 'I know what I do'")
    machine.succeed(f"uecho-guard preflight {bad['dies']}")
    deploy(bad["dies"])
    verdict(v2, 3)
    t.assertEqual(status()["overrides"][0]["reason"], "I know what I do")
    t.assertEqual(state(bad["dies"]), "quarantined")
    machine.succeed(f"uecho-guard release {bad['dies']}; uecho-guard preflight {bad['dies']}")

with subtest("after a rollback by hand, the guard verifies the version again"):
    t.assertEqual(machine.execute("uecho-guard rollback")[0], 3)
    serves(v1)
    verdict(v1, 0)
    t.assertEqual(status()["running"], v1)
    t.assertEqual(machine.execute(f"uecho-guard rollback --to {bad['wrong']}")[0], 6)
    # the refusal is not a verdict on the running version
    verdict(v1, 0)

with subtest("one journal event per decision, with fields"):
    events = [
        json.loads(line) for line in machine.succeed("journalctl -b -o json -t uecho-guard").splitlines()
    ]
    found = {event["VERSION"]: event for event in events if event.get("EVENT") == "quarantined"}
    for kind, version in bad.items():
        t.assertEqual(found[version]["STATE"], "quarantined", kind)
        print(f"{kind}: found after {float(found[version]['SECONDS']):.1f} s: {found[version]['REASON']}")
    print(machine.succeed("uecho-guard status"))

with subtest("no unit is started by two others at once"):
    machine.fail("journalctl -b --grep 'multiple trigger source candidates'")
