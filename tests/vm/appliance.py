import re


def listeners(node, option: str) -> set[str]:
    """Local addresses that something listens on."""
    return {line.split()[3] for line in node.succeed(f"ss --no-header --listening --numeric --{option}").splitlines()}


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
    machine.fail("rm /etc/passwd /etc/uecho/uecho.toml")
    machine.fail("passwd --delete root")

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
    for port in [22, 5355, 8081]:
        client.fail(f"curl -sS --max-time 5 telnet://machine:{port} </dev/null")

with subtest("nobody can log in"):
    machine.fail("systemctl is-active sshd.service sshd.socket")
    t.assertEqual(machine.succeed("systemctl list-units --all --plain --no-legend 'getty@*' 'serial-getty@*' 'autovt@*'").strip(), "")
    for line in machine.succeed("cat /etc/shadow").splitlines():
        t.assertRegex(line.split(":")[1], r"^(!|\*)", "no account has a password")
    machine.fail("command -v sudo")

with subtest("no perl, and the watchdog is on"):
    machine.fail("nix-store --query --requisites /run/current-system | grep -E '/[a-z0-9]{32}-perl-'")
    t.assertEqual(machine.succeed("systemctl show --property=RuntimeWatchdogUSec --value").strip(), "15s")

with subtest("nothing has failed"):
    t.assertEqual(machine.succeed("systemctl --failed --plain --no-legend").strip(), "")
