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
        pid = node.get_unit_property("uecho.service", "MainPID")
        texts = node.succeed(
            "nix-store --query --requisites /run/current-system | grep -E 'uecho|system-units|unit-'"
        ).split()
        node.succeed("journalctl --sync")
        for place in [
            "journalctl --boot --output=export --all",
            "systemctl show uecho.service",
            f"cat /proc/{pid}/environ /proc/{pid}/cmdline",
            f"grep --recursive --text canary {' '.join(texts)} || :",
        ]:
            # Brackets, so that the search does not find itself; --count, so that grep reads to the end.
            found = node.execute(f"({place}) | grep -ac '{secret[:-1]}[{secret[-1]}]'")
            t.assertEqual((found[0], found[1].strip()), (1, "0"), place)
        node.succeed("test -s /run/credentials/uecho.service/api.token")
        node.fail(
            "setpriv --reuid=65534 --regid=65534 --clear-groups cat /run/credentials/uecho.service/api.token"
        )

with subtest("a setting comes from the hypervisor, too"):
    bearer = "-H 'Authorization: Bearer canary-from-the-hypervisor'"
    t.assertIn("from the hypervisor", hypervisor.succeed(f"curl -sS {bearer} http://127.0.0.1:8080/"))
    answer = hypervisor.execute(f"curl -sS {bearer} http://127.0.0.1:8080/api/v1/fanout/x")[1]
    t.assertIn("http://127.0.0.1:9", answer)
