# Exit codes: a configuration error (78) stays down and does not loop, also while clients knock; set right, it starts again.

DROP_IN = "/run/systemd/system/uecho.service.d/zz-test.conf"

start_all()
machine.wait_for_unit("uecho.service")
machine.succeed("mkdir -p /run/systemd/system/uecho.service.d")

with subtest("a configuration error is refused before anything runs"):
    machine.fail("UECHO_LIMITS__BODY=plenty uecho check-config")
    t.assertEqual(machine.succeed("UECHO_LIMITS__BODY=plenty uecho serve 2>/dev/null || echo $?").strip(), "78")
    t.assertEqual(machine.succeed("uecho --no-such-option 2>/dev/null || echo $?").strip(), "2")

with subtest("it stays down with 78"):
    machine.succeed(f"printf '[Service]\\nEnvironment=UECHO_LIMITS__BODY=plenty\\n' > {DROP_IN}", "systemctl daemon-reload")
    machine.fail("systemctl restart uecho.service")
    machine.require_unit_state("uecho.service", "failed")
    t.assertEqual(machine.get_unit_property("uecho.service", "ExecMainStatus"), "78")
    machine.sleep(3)
    machine.require_unit_state("uecho.service", "failed")
    t.assertEqual(machine.get_unit_property("uecho.service", "NRestarts"), "0")
    machine.succeed("journalctl --boot --unit=uecho.service --output=cat | grep -F limits.body")

with subtest("clients that knock make no endless loop of it"):
    machine.execute("for i in $(seq 5); do curl -s --max-time 4 http://127.0.0.1:8080/knock & done > /dev/null 2>&1; wait")
    machine.wait_until_succeeds("systemctl is-failed uecho.socket", timeout=90)
    t.assertEqual(machine.get_unit_property("uecho.socket", "Result"), "trigger-limit-hit")
    starts = "journalctl --boot --unit=uecho.service --output=cat | grep -c 'Main process exited, code=exited, status=78'"
    first = int(machine.succeed(starts))
    machine.sleep(5)
    t.assertEqual(int(machine.succeed(starts)), first, "no more starts")
    print(f"gave up after {first} starts")
    machine.fail("curl -sS --max-time 5 http://127.0.0.1:8080/refused")

with subtest("set right, one start brings everything back"):
    machine.succeed(f"rm {DROP_IN}", "systemctl daemon-reload", "systemctl restart uecho.service")
    for unit in ["uecho.service", "uecho.socket", "uecho-ops.socket"]:
        machine.require_unit_state(unit)
    machine.succeed("curl -sSf http://127.0.0.1:8080/readyz")
    machine.succeed("curl -sSf --unix-socket /run/uecho/public.sock http://localhost/readyz")
