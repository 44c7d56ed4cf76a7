# Credentials: secrets of the machine reach the service as files, take effect, and appear nowhere else.
import secrets

# These are made for this run, so that no other text can contain them.
canary = f"canary-{secrets.token_hex(16)}"
peer_canary = f"canary-{secrets.token_hex(16)}"


def places(text: str) -> list[str]:
    """Return where the text is found: journal, environments and command lines of all processes, units, the
    operations side.
    """
    # The brackets keep a search from finding itself; counting makes it read to the end.
    pattern = f"{text[:-1]}[{text[-1]}]"
    commands = {
        "journal": "journalctl --boot --output=export --all",
        "units": "systemctl show '*'",
        "processes": "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline",
        "operations": "curl -sS http://127.0.0.1:8081/metrics http://127.0.0.1:8081/version",
    }
    return [
        place
        for place, command in commands.items()
        if machine.execute(f"({command}) 2>/dev/null | grep -ac '{pattern}'")[1].strip() != "0"
    ]


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
    machine.succeed("test -s /run/credentials/uecho.service/api.token")
    machine.fail(
        "setpriv --reuid=65534 --regid=65534 --clear-groups cat /run/credentials/uecho.service/api.token"
    )

with subtest("the secret is nowhere else"):
    # The same searches find a planted text.
    planted = secrets.token_hex(16)
    machine.succeed(
        f"systemd-run --quiet --unit=planted --setenv=PLANTED={planted} sleep 1000",
        f"systemd-run --quiet --wait bash -c 'echo {planted}'",
        "journalctl --sync",
    )
    t.assertEqual(places(planted), ["journal", "units", "processes"])
    t.assertEqual(places("uecho_build_info"), ["operations"])
    machine.succeed("systemctl stop planted.service")

    for secret in [canary, peer_canary]:
        t.assertEqual(places(secret), [])
