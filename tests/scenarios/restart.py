# Restarts under load: systemd holds the sockets, so no request over a new connection fails.
import json

RESTARTS = 20
REQUESTS = 20_000

start_all()
machine.wait_for_unit("uecho.service")

with subtest(f"{RESTARTS} restarts, at least {REQUESTS} requests, 0 failed"):
    machine.succeed("touch /run/uecho-load.go")
    machine.succeed(
        "systemd-run --quiet --unit=uecho-load --property=StandardOutput=truncate:/run/uecho-load.json --"
        " uecho-load --while-file /run/uecho-load.go --min-requests"
        f" {REQUESTS} --requests 500000 --seconds 600"
    )
    machine.wait_until_succeeds("ss -H -n -t 'dport = 8080' | grep .", timeout=30)
    invocations = set()
    for _ in range(RESTARTS):
        machine.succeed("systemctl restart uecho.service; sleep 0.3")
        machine.require_unit_state("uecho-load.service")
        invocations.add(machine.get_unit_property("uecho.service", "InvocationID"))
    machine.succeed("rm /run/uecho-load.go")
    machine.wait_until_fails("systemctl is-active uecho-load.service", timeout=600)
    load = json.loads(machine.succeed("cat /run/uecho-load.json"))
    receipts = load.pop("receipts")
    print(f"{RESTARTS} restarts under load: {load}")
    t.assertEqual(load["failures"], {})
    t.assertEqual(load["failed"], 0)
    t.assertGreaterEqual(load["requests"], REQUESTS)
    t.assertEqual(len(invocations), RESTARTS)
    t.assertEqual(len(receipts), 1, "one version answered all the time")

with subtest("systemd has held the sockets all the time"):
    for unit in ["uecho.socket", "uecho-ops.socket"]:
        machine.require_unit_state(unit)
        machine.fail(f"journalctl --boot --unit={unit} --output=cat | grep -E 'Closed|trigger-limit|Failed'")
