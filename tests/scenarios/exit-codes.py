# Exit codes: after a configuration error (78) the service stays down and does not loop, also while clients
# connect; after the error is corrected, it serves again.

DROP_IN = "/run/systemd/system/uecho.service.d/zz-test.conf"

start_all()
machine.wait_for_unit("uecho.service")
machine.succeed("mkdir -p /run/systemd/system/uecho.service.d")

with subtest("a wrong configuration is refused before anything runs"):
    machine.fail("UECHO_LIMITS__BODY=plenty uecho check-config")
    t.assertEqual(
        machine.succeed("UECHO_LIMITS__BODY=plenty uecho serve 2>/dev/null || echo $?").strip(), "78"
    )
    t.assertEqual(machine.succeed("uecho --no-such-option 2>/dev/null || echo $?").strip(), "2")

with subtest("the service stays down with 78"):
    machine.succeed(
        f"printf '[Service]\\nEnvironment=UECHO_LIMITS__BODY=plenty\\n' > {DROP_IN}",
        "systemctl daemon-reload",
    )
    machine.fail("systemctl restart uecho.service")
    machine.require_unit_state("uecho.service", "failed")
    t.assertEqual(machine.get_unit_property("uecho.service", "ExecMainStatus"), "78")
    machine.sleep(3)
    machine.require_unit_state("uecho.service", "failed")
    t.assertEqual(machine.get_unit_property("uecho.service", "NRestarts"), "0")
    machine.succeed("journalctl --boot --unit=uecho.service --output=cat | grep -F limits.body")

with subtest("clients that connect start it again now and then, not in a tight loop"):
    starts = (
        "journalctl --boot --unit=uecho.service --output=cat | grep -c 'Main"
        " process exited, code=exited, status=78' || :"
    )
    before = int(machine.succeed(starts))
    machine.execute(
        "for i in $(seq 20); do curl -s --max-time 14 http://127.0.0.1:8080/knock"
        " & done > /dev/null 2>&1; sleep 15"
    )
    tried = int(machine.succeed(starts)) - before
    print(f"20 clients over 15 s: {tried} starts")
    t.assertGreater(tried, 0)
    t.assertLessEqual(tried, 10)
    t.assertEqual(machine.get_unit_property("uecho.service", "NRestarts"), "0")
    for unit in ["uecho.socket", "uecho-ops.socket"]:
        machine.require_unit_state(unit)

with subtest("after the correction, the next client starts the service"):
    machine.succeed(f"rm {DROP_IN}", "systemctl daemon-reload")
    answer = machine.succeed("curl -sSf --max-time 60 -H 'Accept: text/plain' http://127.0.0.1:8080/back")
    t.assertEqual(answer, "back right back at ya!\n")
    for unit in ["uecho.service", "uecho.socket", "uecho-ops.socket"]:
        machine.require_unit_state(unit)
    machine.succeed("curl -sSf --unix-socket /run/uecho/public.sock http://localhost/readyz")
