# Drain: what is in flight at a stop is answered, what takes too long is cut and counted, and the journal tells which.
import json


def journal_fields() -> dict[str, str]:
    """The drain's report of the last process: the one entry of the journal that names requests in flight."""
    entries = machine.succeed("journalctl --boot --unit=uecho.service --output=json --all").splitlines()
    reports = [entry for entry in map(json.loads, entries) if "drain" in str(entry.get("MESSAGE", ""))]
    t.assertTrue(reports, "a journal entry about the drain")
    return {str(key): str(value) for key, value in reports[-1].items()}


def slow_request(name: str, seconds: int) -> None:
    """Send a request whose body takes so long to arrive."""
    machine.succeed(
        f"systemd-run --quiet --unit={name} --property=StandardOutput=truncate:/run/{name}.out --property=StandardError=journal --"
        f" bash -c '(printf begin; sleep {seconds}; printf end) | curl -sS -i -X POST -H Expect: -T - http://127.0.0.1:8080/api/v1/echo'"
    )
    machine.sleep(1)


start_all()
machine.wait_for_unit("uecho.service")
machine.succeed(
    "mkdir -p /run/systemd/system/uecho.service.d",
    "printf '[Service]\\nEnvironment=UECHO_DRAIN__DEADLINE=4s\\n' > /run/systemd/system/uecho.service.d/zz-test.conf",
    "systemctl daemon-reload",
    "systemctl restart uecho.service",
)

with subtest("a request in flight is finished"):
    slow_request("in-time", 3)
    machine.succeed("systemctl stop uecho.service")
    t.assertEqual(machine.get_unit_property("uecho.service", "Result"), "success")
    machine.wait_until_fails("systemctl is-active in-time.service", timeout=30)
    answer = machine.succeed("cat /run/in-time.out")
    t.assertIn("200 OK", answer)
    t.assertIn("beginend", answer)
    t.assertIn("connection: close", answer.lower())
    print(f"drained: { {key: value for key, value in journal_fields().items() if key.startswith('F_')} }")

with subtest("a request that takes too long is cut, and the stop is still clean"):
    machine.succeed("systemctl start uecho.service")
    slow_request("too-late", 60)
    machine.succeed("systemctl stop uecho.service")
    t.assertEqual(machine.get_unit_property("uecho.service", "Result"), "success")
    machine.succeed("systemctl stop too-late.service")
    t.assertNotIn("200 OK", machine.succeed("cat /run/too-late.out"))
    print(f"cut: { {key: value for key, value in journal_fields().items() if key.startswith('F_')} }")
