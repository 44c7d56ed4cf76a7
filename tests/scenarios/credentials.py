# Credentials: secrets of the machine reach the service as files, take effect, and show up nowhere else.
import secrets

# Made up for this run, so that no other text can contain it.
canary = f"canary-{secrets.token_hex(16)}"
peer_canary = f"canary-{secrets.token_hex(16)}"

start_all()
machine.wait_for_unit("uecho.service")

with subtest("without a secret the API is open"):
    machine.succeed("curl -sSf http://127.0.0.1:8080/api/v1/echo")

with subtest("a secret in the machine's credential store takes effect"):
    machine.succeed(
        "mkdir -p -m 0700 /run/credstore",
        f"umask 077; printf %s {canary} > /run/credstore/uecho.api.token",
        f"umask 077; printf %s {peer_canary} > /run/credstore/uecho.fanout.token",
        "systemctl restart uecho.service",
    )
    code = "-o /dev/null -w '%{http_code}' http://127.0.0.1:8080/api/v1/echo"
    t.assertEqual(machine.succeed(f"curl -sS {code}"), "401")
    t.assertEqual(machine.succeed(f"curl -sS -H 'Authorization: Bearer {canary}x' {code}"), "401")
    t.assertEqual(machine.succeed(f"curl -sS -H 'Authorization: Bearer {canary}' {code}"), "200")
    machine.succeed("curl -sSf http://127.0.0.1:8080/still-open")
    machine.succeed("systemctl reload uecho.service")

with subtest("only the service can read it"):
    pid = machine.get_unit_property("uecho.service", "MainPID")
    t.assertNotEqual(machine.succeed(f"stat -c %u /proc/{pid}").strip(), "0")
    machine.fail(f"grep -rqs canary- /proc/{pid}/environ /proc/{pid}/cmdline")
    machine.fail("setpriv --reuid=65534 --regid=65534 --clear-groups cat /run/credentials/uecho.service/api.token")

with subtest("it is nowhere else"):
    # The searches find what is there: the name of the credential stands for it where only that may be told.
    machine.succeed("systemctl show uecho.service | grep -qF uecho.api.token")
    for secret in [canary, peer_canary]:
        pattern = f"{secret[:-1]}[{secret[-1]}]"  # so that the search does not find itself
        machine.fail(f"journalctl --boot --output=export --all | grep -aq '{pattern}'")
        machine.fail("systemctl show 'uecho*' | grep -q '" + pattern + "'")
        machine.fail(f"grep -alsr '{pattern}' /proc/[0-9]*/environ")
        machine.fail(f"curl -sS http://127.0.0.1:8081/metrics http://127.0.0.1:8081/version | grep -q '{pattern}'")
