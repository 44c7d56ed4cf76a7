# Reload: good settings take effect in the same process; bad ones are refused and reported, and the old ones
# stay.
import json

CONFIG = "/run/uecho-test/uecho.toml"


def configure(text: str) -> None:
    machine.succeed(f"cat > {CONFIG} <<'TOML'\n{text}\nTOML")


def message() -> str:
    return str(json.loads(machine.succeed("curl -sSf http://127.0.0.1:8080/"))["message"])


start_all()
machine.wait_for_unit("uecho.service")
machine.succeed("mkdir -p /run/uecho-test /run/systemd/system/uecho.service.d")
configure('message = "first"')
machine.succeed(
    f"printf '[Service]\\nEnvironment=UECHO_CONFIG={CONFIG}\\n' >"
    " /run/systemd/system/uecho.service.d/zz-test.conf",
    "systemctl daemon-reload",
    "systemctl restart uecho.service",
)
t.assertEqual(message(), "first")
pid = machine.get_unit_property("uecho.service", "MainPID")
status = machine.get_unit_property("uecho.service", "StatusText")

with subtest("good settings take effect without a restart"):
    configure('message = "second"')
    machine.succeed("systemctl reload uecho.service")
    t.assertEqual(message(), "second")
    t.assertEqual(machine.get_unit_property("uecho.service", "MainPID"), pid)
    machine.require_unit_state("uecho.service")

with subtest("bad settings change nothing and are reported"):
    configure('message = "third"\nmesage = "fourth"')
    machine.succeed("systemctl reload uecho.service")
    t.assertEqual(message(), "second")
    t.assertEqual(machine.get_unit_property("uecho.service", "MainPID"), pid)
    machine.require_unit_state("uecho.service")
    text = machine.get_unit_property("uecho.service", "StatusText")
    print(f"status: {text}")
    t.assertIn("mesage", text)
    machine.succeed("journalctl --boot --unit=uecho.service --priority=warning --output=cat | grep -F mesage")

with subtest("the next good settings clear the report"):
    configure('message = "fifth"')
    machine.succeed("systemctl reload uecho.service")
    t.assertEqual(message(), "fifth")
    t.assertNotIn("mesage", machine.get_unit_property("uecho.service", "StatusText"))
    t.assertEqual(machine.get_unit_property("uecho.service", "MainPID"), pid)

with subtest("the receipt names the running system after the next reload"):
    # On NixOS, this link exists and is needed.
    link = (
        "/run/uecho-test/current-system"
        if machine.execute("test -e /run/current-system")[0] == 0
        else "/run/current-system"
    )
    configure(f'message = "fifth"\nsystem = "label"\ncurrent_system = "{link}"')
    for store_hash in ["aaa111", "bbb222"]:
        machine.succeed(
            f"ln --symbolic --force --no-dereference /nix/store/{store_hash}-system {link}",
            "systemctl reload uecho.service",
        )
        version = json.loads(machine.succeed("curl -sSf http://127.0.0.1:8081/version"))
        t.assertEqual(version["system"], f"label+{store_hash}")
    t.assertEqual(machine.get_unit_property("uecho.service", "MainPID"), pid)

with subtest("100 reloads under load, 0 failed"):
    machine.succeed("touch /run/uecho-load.go")
    machine.succeed(
        "systemd-run --quiet --unit=uecho-load --property=StandardOutput=truncate:/run/uecho-load.json --"
        " uecho-load --while-file /run/uecho-load.go --requests 500000 --seconds 300",
        "for i in $(seq 100); do systemctl reload uecho.service; done",
        "rm /run/uecho-load.go",
    )
    machine.wait_until_fails("systemctl is-active uecho-load.service", timeout=300)
    load = json.loads(machine.succeed("cat /run/uecho-load.json"))
    print(
        f"100 reloads under load: {load['requests']} requests, {load['failed']}"
        f" failed, p99 {load['p99_ms']} ms"
    )
    t.assertEqual(load["failures"], {})
    t.assertEqual(machine.get_unit_property("uecho.service", "MainPID"), pid)
