# Good versions, one after the other: the guard takes none of them back, and no request is lost.
import json

SWITCHES = 50
LOAD = "/run/uecho-load"

start_all()
machine.wait_for_unit("uecho.socket")
machine.succeed(
    r"""sed -i 's/^soak = .*/soak = "1s"/; s/^interval = .*/interval = "250ms"/' /etc/uecho/guard.toml"""
)


# two that take turns are enough: the guard judges a version after each switch to it
versions = [machine.succeed(f"uecho-toplevel make v{number} good").strip() for number in (1, 2)]
machine.succeed(f"ln -sfn {versions[0]} /run/booted-system")

with subtest(f"{SWITCHES} switches between good versions: 0 false rollbacks, 0 requests lost"):
    machine.succeed(
        f"touch {LOAD}.go; systemd-run --quiet --unit=uecho-load"
        f" --property=StandardOutput=truncate:{LOAD}.json --"
        f" uecho-load --while-file {LOAD}.go --rate 100 --workers 16 --requests"
        " 1000000 --seconds 900 --timeout 30"
    )
    machine.succeed("sleep 1")
    for number in range(SWITCHES):
        version = versions[number % 2]
        machine.succeed(f"uecho-toplevel deploy {version}")
        last = json.loads(machine.succeed("uecho-toplevel verdict"))
        t.assertEqual((last["code"], last["version"]), (0, version), json.dumps(last))
    machine.succeed(f"rm {LOAD}.go")
    machine.wait_until_fails("systemctl is-active uecho-load.service", timeout=60)
    load = json.loads(machine.succeed(f"cat {LOAD}.json"))
    load.pop("receipts")
    metrics = machine.succeed("cat /run/uecho-guard/metrics.prom")
    print(f"{SWITCHES} good switches, 0 false rollbacks; {load}")
    t.assertEqual(load["failed"], 0, json.dumps(load))
    t.assertIn("uecho_guard_rollbacks_total 0", metrics)
    t.assertIn('uecho_guard_versions{state="quarantined"} 0', metrics)

with subtest("systemd knows which end of the guard has started which unit"):
    t.assertNotIn(
        "multiple trigger source candidates",
        machine.succeed("journalctl --boot --unit='uecho-guard*' --output=cat"),
    )
