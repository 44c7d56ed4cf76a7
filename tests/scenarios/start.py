# Start and readiness: the service is up after boot with the sockets held by systemd, and reports ready only
# when it serves.
import json

start_all()

with subtest("up after boot, with inherited sockets"):
    machine.wait_for_unit("uecho.service")
    for unit in ["uecho.socket", "uecho-ops.socket"]:
        machine.require_unit_state(unit)
    t.assertEqual(machine.get_unit_property("uecho.service", "Type"), "notify-reload")
    pid = machine.get_unit_property("uecho.service", "MainPID")
    listeners = machine.succeed("ss -H -l -n -t -p 'sport = 8080 or sport = 8081'")
    t.assertEqual(listeners.count('"systemd",pid=1,'), 2, "systemd holds both listeners: " + listeners)
    t.assertEqual(
        listeners.count(f",pid={pid},"), 2, "the service has inherited both listeners: " + listeners
    )

with subtest("the service runs as a dynamic user from its first start on"):
    uid = machine.succeed(f"stat -c %u /proc/{pid}").strip()
    t.assertIn(int(uid), range(61184, 65520))
    t.assertEqual(machine.succeed("getent passwd uecho").split(":")[2], uid)
    machine.fail("grep ^uecho: /etc/passwd")
    t.assertEqual(machine.get_unit_property("uecho.service", "NRestarts"), "0")

with subtest("the service answers on TCP and on the Unix socket"):
    page = machine.succeed("curl -sSf 'http://127.0.0.1:8080/%3Cb%3Ehi'")
    t.assertEqual(
        page,
        "<html><head><title>Unstoppable Echo</title></head><body><h1>&lt;b&gt;hi"
        " right back at ya!</h1></body></html>",
    )
    plain = machine.succeed(
        "curl -sSf -H 'Accept: text/plain' --unix-socket /run/uecho/public.sock http://localhost/hi"
    )
    t.assertEqual(plain, "hi right back at ya!\n")

with subtest("the service is healthy and ready, and names its build"):
    for port in [8080, 8081]:
        t.assertEqual(json.loads(machine.succeed(f"curl -sSf http://127.0.0.1:{port}/healthz")), {"ok": True})
        t.assertEqual(
            json.loads(machine.succeed(f"curl -sSf http://127.0.0.1:{port}/readyz")), {"ready": True}
        )
    receipt = json.loads(machine.succeed("curl -sSf http://127.0.0.1:8081/version"))
    boot = machine.succeed("cat /proc/sys/kernel/random/boot_id").strip().replace("-", "")
    t.assertEqual(receipt["boot"].replace("-", ""), boot)
    t.assertEqual(receipt["instance"], machine.succeed("cat /proc/sys/kernel/hostname").strip())
    machine.succeed("uecho probe")

with subtest("only the operations side has metrics"):
    t.assertIn("uecho_build_info", machine.succeed("curl -sSf http://127.0.0.1:8081/metrics"))
    t.assertNotIn("uecho_build_info", machine.succeed("curl -sS http://127.0.0.1:8080/metrics"))

with subtest("a stop drains, and the next connection starts it again"):
    machine.succeed("systemctl stop uecho.service")
    t.assertEqual(machine.get_unit_property("uecho.service", "Result"), "success")
    t.assertEqual(machine.get_unit_property("uecho.service", "ExecMainStatus"), "0")
    t.assertEqual(
        machine.succeed("curl -sSf --max-time 20 -H 'Accept: text/plain' http://127.0.0.1:8080/again"),
        "again right back at ya!\n",
    )
    machine.require_unit_state("uecho.service")
    text = machine.get_unit_property("uecho.service", "StatusText")
    t.assertTrue(text, "the service reports its status")
    print(f"status: {text}")
