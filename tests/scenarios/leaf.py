# Leaf profile: a node without peers serves through inherited sockets and can open no connection itself.
import json
import re

CEILING = 0.5
DROP_IN = "/run/systemd/system/uecho.service.d/zz-test.conf"

PEER = """[Service]
Environment='UECHO_FANOUT__PEERS=["http://127.0.0.1:8080"]'"""


SYSTEM = """[Service]
Environment=UECHO_SYSTEM=label UECHO_CURRENT_SYSTEM=/run/uecho/system-of-this-test"""


def ask_peer() -> dict[str, str]:
    answer = json.loads(machine.succeed("curl -sS --max-time 20 http://127.0.0.1:8080/api/v1/fanout/out"))
    return dict(answer["replies"][0])


start_all()
machine.wait_for_unit("uecho.service")

with subtest(f"exposure at most {CEILING}"):
    report = machine.succeed("systemd-analyze security --no-pager uecho.service")
    found = re.search(r"Overall exposure level for uecho.service: ([0-9.]+)", report)
    assert found is not None, report
    print(f"exposure: {found[1]}")
    t.assertLessEqual(float(found[1]), CEILING, report)

with subtest("the service answers through the inherited sockets"):
    machine.succeed("curl -sSf --max-time 10 http://127.0.0.1:8080/readyz http://127.0.0.1:8081/readyz")
    machine.succeed("curl -sSf --max-time 10 --unix-socket /run/uecho/public.sock http://localhost/readyz")
    load = json.loads(machine.succeed("uecho-load --requests 2000 --seconds 60"))
    t.assertEqual(load["failures"], {})

with subtest("the service has no network"):
    pid = machine.get_unit_property("uecho.service", "MainPID")
    links = machine.succeed(f"cat /proc/{pid}/net/dev").splitlines()[2:]
    t.assertEqual([line.split(":")[0].strip() for line in links], ["lo"])
    t.assertNotEqual(
        machine.succeed(f"readlink /proc/{pid}/ns/net"), machine.succeed("readlink /proc/1/ns/net")
    )

with subtest("the service sees only its own files"):
    root = f"/proc/{pid}/root"
    for path in ["/etc/passwd", "/etc/machine-id", "/var/log/journal", "/home", "/run/dbus"]:
        machine.fail(f"test -e {root}{path}")
    uid = machine.succeed(f"stat -c %u /proc/{pid}").strip()
    # This writes as the user of the service. It names programs by their real paths, because PATH leads
    # nowhere inside.
    setpriv, bash = (
        machine.succeed(f"readlink -f $(command -v {tool})").strip() for tool in ["setpriv", "bash"]
    )
    write = (
        f"nsenter --target {pid} --mount --root {setpriv} --reuid={uid}"
        f" --regid={uid} --clear-groups {bash} -c"
    )
    machine.succeed(f"{write} ': > /tmp/own'")
    for directory in ["/", "/etc", "/run", "/run/uecho", "/dev", "/dev/shm"]:
        machine.fail(f"{write} ': > {directory}/uecho-was-here' 2>/dev/null")

with subtest("the receipt names the running system, by a link in the folder shared with the machine"):
    for store_hash in ["aaa111", "bbb222"]:
        machine.succeed(
            f"ln --symbolic --force --no-dereference /nix/store/{store_hash}-system"
            " /run/uecho/system-of-this-test",
            f"mkdir -p /run/systemd/system/uecho.service.d; cat > {DROP_IN} <<'UNIT'\n{SYSTEM}\nUNIT",
            "systemctl daemon-reload",
            f"systemctl {'restart' if store_hash == 'aaa111' else 'reload'} uecho.service",
        )
        version = json.loads(machine.succeed("curl -sSf http://127.0.0.1:8081/version"))
        t.assertEqual(version["system"], f"label+{store_hash}")

with subtest("the watchdog stays fed"):
    pid = machine.get_unit_property("uecho.service", "MainPID")
    machine.sleep(12)
    t.assertEqual(machine.get_unit_property("uecho.service", "NRestarts"), "0")
    t.assertEqual(machine.get_unit_property("uecho.service", "MainPID"), pid)

with subtest("the service cannot reach a peer that answers others"):
    machine.succeed(
        f"mkdir -p /run/systemd/system/uecho.service.d; cat > {DROP_IN} <<'UNIT'\n{PEER}\nUNIT",
        "systemctl daemon-reload",
        "systemctl restart uecho.service",
        "curl -sSf http://127.0.0.1:8080/out",
    )
    reply = ask_peer()
    print(f"leaf: {reply}")
    t.assertNotEqual(reply["outcome"], "ok")

with subtest("the profile is what prevents that"):
    machine.succeed(
        "printf 'PrivateNetwork=no\\nRestrictAddressFamilies=AF_INET"
        f" AF_INET6\\nIPAddressDeny=\\n' >> {DROP_IN}",
        "systemctl daemon-reload",
        "systemctl restart uecho.service",
    )
    reply = ask_peer()
    t.assertEqual(reply["outcome"], "ok", str(reply))
