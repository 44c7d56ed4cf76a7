# Credentials that the machine gets from outside when it starts: the unit imports those of the service, by
# name, and no others.
canary = "canary-from-the-hypervisor"
code = "-o /dev/null -w '%{http_code}' http://127.0.0.1:8080/api/v1/echo"

start_all()
machine.wait_for_unit("uecho.service")

with subtest("the machine has got them"):
    names = machine.succeed("systemd-creds --system list --no-legend | cut -d ' ' -f 1").split()
    t.assertLessEqual({"uecho.api.token", "uecho.other"}, set(names))

with subtest("the service asks for the secret from its first answer on"):
    t.assertEqual(machine.succeed(f"curl -sS {code}"), "401")
    t.assertEqual(machine.succeed(f"curl -sS -H 'Authorization: Bearer {canary}x' {code}"), "401")
    t.assertEqual(machine.succeed(f"curl -sS -H 'Authorization: Bearer {canary}' {code}"), "200")

with subtest("it got its own, and no others"):
    t.assertEqual(machine.succeed("ls /run/credentials/uecho.service").split(), ["api.token"])

with subtest("a restart finds it again"):
    machine.succeed("systemctl restart uecho.service")
    t.assertEqual(machine.succeed(f"curl -sS {code}"), "401")
    t.assertEqual(machine.succeed(f"curl -sS -H 'Authorization: Bearer {canary}' {code}"), "200")

with subtest("nothing on the machine replaces it"):
    machine.succeed(
        "mkdir -p -m 0700 /run/credstore",
        "umask 077; echo planted > /run/credstore/uecho.api.token",
        "systemctl restart uecho.service",
    )
    t.assertEqual(machine.succeed(f"curl -sS -H 'Authorization: Bearer planted' {code}"), "401")
    t.assertEqual(machine.succeed(f"curl -sS -H 'Authorization: Bearer {canary}' {code}"), "200")
