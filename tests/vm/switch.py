import json
from itertools import pairwise

ROUNDS = 5
ONE = identity("v1", V1)
TWO = identity("v2", V2)
OTHER_SETTINGS = identity("v1", RELOADED)


def switch(system: str) -> None:
    machine.succeed(f"{system}/bin/switch-to-configuration test >&2")


def system_of(receipt: str) -> str:
    return dict(field.split("=", 1) for field in receipt.split("; "))["system"]


def under_load(system: str, *, same_process: bool = False) -> list[str]:
    """Switch to a system while clients ask; returns the systems that answered, in the order of their first
    answer.
    """
    machine.succeed(
        "touch /run/uecho-load.go",
        "systemd-run --quiet --unit=uecho-load --property=StandardOutput=truncate:/run/uecho-load.json --"
        " uecho-load --while-file /run/uecho-load.go --min-requests 2000 --requests 500000 --seconds 600",
    )
    machine.wait_until_succeeds("ss -H -n -t 'dport = 8080' | grep .", timeout=60)
    machine.sleep(1)
    switch(system)
    machine.sleep(1)
    machine.succeed("rm /run/uecho-load.go")
    machine.wait_until_fails("systemctl is-active uecho-load.service", timeout=600)
    load = json.loads(machine.succeed("cat /run/uecho-load.json"))
    receipts = load.pop("receipts")
    print(f"switch under load: {load}")
    t.assertEqual(load["failures"], {})
    # In order: the first answer of the next process comes after the last answer of the previous one.
    for earlier, later in [] if same_process else pairwise(receipts):
        t.assertLessEqual(earlier["last_s"], later["first_s"])
    return [system_of(receipt["receipt"]) for receipt in receipts]


start_all()
serves("v1", V1)

with subtest(
    f"v1 to v2 and back, {ROUNDS} times: no request fails, and the receipt changes exactly once each time"
):
    for _ in range(ROUNDS):
        t.assertEqual(under_load(V2), [ONE, TWO])
        serves("v2", V2)
        t.assertEqual(under_load(V1), [TWO, ONE])
        serves("v1", V1)

with subtest("the process runs from the path of its version"):
    switch(V2)
    pid = machine.get_unit_property("uecho.service", "MainPID")
    t.assertIn("uecho-relocated", machine.succeed(f"readlink /proc/{pid}/exe"))
    switch(V1)

with subtest("a change of message, peers and log filter reloads: the process stays"):
    pid = machine.get_unit_property("uecho.service", "MainPID")
    t.assertIn("before the reload", machine.succeed("curl -sSf http://127.0.0.1:8080/"))
    t.assertEqual(under_load(RELOADED, same_process=True), [ONE, OTHER_SETTINGS])
    t.assertIn("after the reload", machine.succeed("curl -sSf http://127.0.0.1:8080/"))
    t.assertIn("127.0.0.1:9", machine.succeed("curl -sS http://127.0.0.1:8080/api/v1/fanout/x"))
    t.assertEqual(machine.get_unit_property("uecho.service", "MainPID"), pid)
    t.assertEqual(under_load(V1, same_process=True), [OTHER_SETTINGS, ONE])
    t.assertEqual(machine.get_unit_property("uecho.service", "MainPID"), pid)

with subtest("the sockets were never let go"):
    for unit in ["uecho.socket", "uecho-ops.socket"]:
        machine.require_unit_state(unit)
        machine.fail(f"journalctl --boot --unit={unit} --output=cat | grep -E 'Closed|trigger-limit|Failed'")
