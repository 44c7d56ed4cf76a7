start_all()
file.wait_for_unit("uecho.service")
hypervisor.wait_for_unit("uecho.service")

secrets = {
    "file": (file, file.succeed("cat /var/lib/secrets/uecho-api-token").strip()),
    "hypervisor": (hypervisor, "canary-from-the-hypervisor"),
}

for name, (node, secret) in secrets.items():
    code = "-o /dev/null -w '%{http_code}' http://127.0.0.1:8080/api/v1/echo"

    with subtest(f"{name}: the secret is asked for"):
        t.assertEqual(node.succeed(f"curl -sS {code}"), "401")
        t.assertEqual(node.succeed(f"curl -sS -H 'Authorization: Bearer {secret}x' {code}"), "401")
        t.assertEqual(node.succeed(f"curl -sS -H 'Authorization: Bearer {secret}' {code}"), "200")

    with subtest(f"{name}: it is nowhere else"):
        pattern = f"{secret[:-1]}[{secret[-1]}]"  # so that the search does not find itself
        node.succeed("journalctl --sync")
        node.fail(f"journalctl --boot --output=export --all | grep -aq '{pattern}'")
        node.fail(f"systemctl show uecho.service | grep -q '{pattern}'")
        pid = node.get_unit_property("uecho.service", "MainPID")
        node.fail(f"grep -aq '{pattern}' /proc/{pid}/environ /proc/{pid}/cmdline")
        node.fail(f"grep -rq '{pattern}' $(nix-store --query --requisites /run/current-system | grep -E 'uecho|system-units|unit-')")
        node.fail("setpriv --reuid=65534 --regid=65534 --clear-groups cat /run/credentials/uecho.service/api.token")
