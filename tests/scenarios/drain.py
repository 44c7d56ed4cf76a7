# Drain: requests in flight at a stop are answered, those that take too long are cut and counted, and the
# journal reports both.
import json


def drained() -> dict[str, str]:
    """Return the last report of a drain, as journal fields without their prefix."""
    machine.succeed("journalctl --sync")
    lines = machine.succeed("journalctl --boot --unit=uecho.service --output=json TARGET=uecho::drain").split(
        "\n"
    )
    entry = [json.loads(line) for line in lines if line][-1]
    print(entry["MESSAGE"])
    return {
        key.removeprefix("DRAIN_").lower(): str(value)
        for key, value in entry.items()
        if key.startswith("DRAIN_")
    }


def slow_request(name: str, seconds: int) -> None:
    """Send a request whose body takes this many seconds to arrive."""
    # Without this, the unit would have another PATH.
    machine.succeed(
        f"systemd-run --quiet --unit={name} --setenv=PATH --property=StandardOutput=truncate:/run/{name}.out"
        " --property=StandardError=journal --"
        f" bash -c '(printf begin; sleep {seconds}; printf end) | curl -sS -i -X POST"
        " -H Expect: -T - http://127.0.0.1:8080/api/v1/echo'"
    )
    machine.sleep(1)


start_all()
machine.wait_for_unit("uecho.service")
machine.succeed(
    "mkdir -p /run/systemd/system/uecho.service.d",
    "printf '[Service]\\nEnvironment=UECHO_DRAIN__DEADLINE=4s\\n' >"
    " /run/systemd/system/uecho.service.d/zz-test.conf",
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
    report = drained()
    t.assertEqual((report["in_flight"], report["finished"], report["cut"]), ("1", "1", "0"))
    t.assertGreater(float(report["seconds"]), 0.5)

with subtest("a request that takes too long is cut, and the stop is still clean"):
    machine.succeed("systemctl start uecho.service")
    slow_request("too-late", 60)
    machine.succeed("systemctl stop uecho.service")
    t.assertEqual(machine.get_unit_property("uecho.service", "Result"), "success")
    machine.succeed("systemctl stop too-late.service")
    t.assertNotIn("200 OK", machine.succeed("cat /run/too-late.out"))
    report = drained()
    t.assertEqual((report["in_flight"], report["finished"], report["cut"]), ("1", "0", "1"))
    t.assertGreater(float(report["seconds"]), 3.5)
