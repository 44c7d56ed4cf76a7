import json
import re


def listeners(node, option: str) -> set[str]:
    """Local addresses on which a socket listens."""
    return {
        line.split()[3]
        for line in node.succeed(f"ss --no-header --listening --numeric --{option}").splitlines()
    }


def judged(_last: bool) -> bool:
    """Whether the guard has judged this boot."""
    status = json.loads(machine.succeed("uecho-guard status --json"))
    return bool(status["judged"]) and status["guard"] is None


machine.start(allow_reboot=True)
client.start()
machine.wait_for_unit("multi-user.target")
machine.wait_for_unit("uecho.service")

with subtest("root is a tmpfs, and only state persists"):
    t.assertEqual(machine.succeed("findmnt --noheadings --output FSTYPE /").strip(), "tmpfs")
    for path in ["/var/lib", "/var/log"]:
        t.assertEqual(machine.succeed(f"findmnt --noheadings --output FSTYPE {path}").strip(), "ext4")

with subtest("not even root writes to the system"):
    for path in ["/", "/etc", "/etc/systemd/system", "/nix/store"]:
        machine.fail(f"touch {path}/uecho-was-here")
    for file in ["/etc/passwd", "/etc/uecho/uecho.toml"]:
        machine.fail(f"rm {file}")
    machine.fail("passwd --delete root")

with subtest("the service runs as a user that exists for as long as it does"):
    uid = machine.succeed(
        f"stat --format=%u /proc/{machine.get_unit_property('uecho.service', 'MainPID')}"
    ).strip()
    t.assertIn(int(uid), range(61184, 65520))
    t.assertEqual(machine.succeed("getent passwd uecho").split(":")[2], uid)
    machine.fail("grep ^uecho: /etc/passwd")
    t.assertEqual(machine.get_unit_property("uecho.service", "NRestarts"), "0")

with subtest("what is in the way of the next boot is gone, what is state stays"):
    machine_id = machine.succeed("cat /etc/machine-id").strip()
    t.assertRegex(machine_id, "^[0-9a-f]{32}$")
    boots = int(machine.succeed("journalctl --list-boots --quiet | wc -l"))
    machine.succeed("touch /root/gone /tmp/gone /var/gone /var/lib/stays /var/log/stays")
    machine.reboot()
    machine.wait_for_unit("uecho.service")
    for path in ["/root/gone", "/tmp/gone", "/var/gone"]:
        machine.fail(f"test -e {path}")
    machine.succeed("test -e /var/lib/stays -a -e /var/log/stays")
    t.assertEqual(machine.succeed("cat /etc/machine-id").strip(), machine_id)
    t.assertEqual(int(machine.succeed("journalctl --list-boots --quiet | wc -l")), boots + 1)

with subtest("nothing listens but what was declared"):
    everywhere = {address for address in listeners(machine, "tcp") if not re.match(r"127\.|\[::1\]", address)}
    print(f"TCP: {sorted(everywhere)}")
    t.assertEqual({address.rsplit(":", 1)[1] for address in everywhere}, {"8080"})

with subtest("from outside, the public port and no other"):
    client.wait_until_succeeds("curl -sSf --max-time 5 http://machine:8080/readyz", timeout=120)
    client.succeed("timeout 5 bash -c ': </dev/tcp/machine/8080'")
    for port in [22, 5355, 8081]:
        client.fail(f"timeout 5 bash -c ': </dev/tcp/machine/{port}'")

with subtest("nobody can log in"):
    machine.fail("systemctl is-active sshd.service sshd.socket")
    for unit in ["autovt@.service", "console-getty.service", "getty@tty1.service"]:
        t.assertEqual(
            machine.succeed(f"readlink --canonicalize /etc/systemd/system/{unit}").strip(),
            "/dev/null",
            "masked",
        )
    # systemctl also lists masked units if another unit wants them.
    active = "systemctl list-units --state=active,activating --plain --no-legend '*getty@*' 'autovt@*'"
    t.assertEqual(machine.succeed(active).strip(), "")
    machine.fail("pgrep agetty")
    for line in machine.succeed("cat /etc/shadow").splitlines():
        t.assertRegex(line.split(":")[1], r"^(!|\*)", "no account has a password")
    machine.fail("command -v sudo")

with subtest("no perl, and the watchdog is on"):
    t.assertNotRegex(
        machine.succeed("nix-store --query --requisites /run/current-system"), "/[a-z0-9]{32}-perl-"
    )
    t.assertEqual(machine.succeed("systemctl show --property=RuntimeWatchdogUSec --value").strip(), "15s")

with subtest("the guard has blessed it, and nothing has failed"):
    retry(judged, 300)
    t.assertEqual(json.loads(machine.succeed("uecho-guard status --json"))["last_verdict"]["code"], 0)
    t.assertEqual(machine.succeed("systemctl --failed --plain --no-legend").strip(), "")
