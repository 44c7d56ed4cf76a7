# Secrets from the metadata of a cloud instance: without them the service does not start; with them it asks
# for them; and it cannot reach the metadata itself.
import json
import secrets

canary = f"canary-{secrets.token_hex(16)}"
code = "-o /dev/null -w '%{http_code}' http://127.0.0.1:8080/api/v1/echo"
# What EC2 does: a session first, and nothing without it.
SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Metadata(BaseHTTPRequestHandler):
    def answer(self, status, text=""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def do_PUT(self):
        known = "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
        self.answer(200, "session") if known and self.path == "/latest/api/token" else self.answer(400)
    def do_GET(self):
        if self.headers.get("X-aws-ec2-metadata-token") != "session":
            self.answer(401)
        elif self.path == "/latest/user-data":
            self.answer(200, open("/root/user-data").read())
        else:
            self.answer(404)
HTTPServer(("169.254.169.254", 80), Metadata).serve_forever()
"""


def instance(user_data: str) -> None:
    """Give the machine this user data."""
    machine.succeed(f"umask 077; printf '{user_data}' > /root/user-data")


def starts() -> bool:
    """Whether the service starts, as after a reboot."""
    machine.succeed(
        "systemctl stop uecho.service uecho-metadata.service",
        "rm -rf /run/credstore",
        "systemctl reset-failed",
    )
    return machine.systemctl("start uecho.service")[0] == 0


machine.start()
machine.succeed(
    "ip address add 169.254.169.254/32 dev lo",
    f"cat > /root/metadata.py <<'END'\n{SERVER}END",
)

with subtest("without metadata there is no service"):
    machine.succeed("systemctl stop uecho.socket")
    t.assertFalse(starts())

machine.succeed(
    "systemd-run --quiet --unit=metadata python3 /root/metadata.py",
    "systemctl start uecho.socket",
)
machine.wait_for_open_port(80, "169.254.169.254")

with subtest("nor without a secret in it"):
    for user_data in ["", "#!/bin/sh\\n", "uecho.fanout.token=x\\n", "uecho.api.token=\\n"]:
        instance(user_data)
        t.assertFalse(starts(), user_data)
        why = machine.succeed("journalctl --unit=uecho-metadata.service --lines=5 --output=cat")
        t.assertIn("no line uecho.api.token=VALUE", why)

with subtest("the secret takes effect, and what else is there does not"):
    instance(f"uecho.other=x\\n../../root/planted=x\\nuecho.api.token={canary}")
    t.assertTrue(starts())
    t.assertEqual(machine.succeed(f"curl -sS {code}"), "401")
    t.assertEqual(machine.succeed(f"curl -sS -H 'Authorization: Bearer {canary}' {code}"), "200")
    t.assertEqual(machine.succeed("ls /run/credstore").split(), ["uecho.api.token"])
    t.assertEqual(machine.succeed("stat --format=%a /run/credstore/uecho.api.token").strip(), "600")
    machine.succeed("journalctl --sync")
    pattern = f"{canary[:-1]}[{canary[-1]}]"
    found = machine.execute(f"journalctl --boot --output=export --all | grep -ac '{pattern}'")
    t.assertEqual(found[1].strip(), "0")

with subtest("the service itself cannot ask for it, and could without the drop-in"):
    machine.succeed("curl -sS -o /dev/null http://169.254.169.254/")
    folder = "/run/systemd/system/uecho.service.d"
    peers = """Environment='UECHO_FANOUT__PEERS=["http://169.254.169.254"]'"""
    ask = f"curl -sS -H 'Authorization: Bearer {canary}' http://127.0.0.1:8080/api/v1/fanout/x"
    for deny, outcomes in {"": {"timeout", "refused"}, "IPAddressDeny=": {"bad_status"}}.items():
        machine.succeed(
            f"mkdir -p {folder}",
            f"cat > {folder}/z-peers.conf <<'END'\n[Service]\n{peers}\n{deny}\nEND",
            "systemctl daemon-reload",
            "systemctl restart uecho.service",
        )
        (reply,) = json.loads(machine.succeed(ask))["replies"]
        t.assertIn(reply["outcome"], outcomes)
