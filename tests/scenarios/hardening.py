# Hardening: the exposure that systemd computes stays under its ceiling, and the running process is restricted
# as the unit says.
import re

CEILING = 1.5

start_all()
machine.wait_for_unit("uecho.service")

with subtest("systemd understands every line of the units"):
    complaints = (
        machine.succeed(
            "systemd-analyze verify --man=no --recursive-errors=no uecho.service"
            " uecho.socket uecho-ops.socket uecho-synthetic.service uecho-synthetic.timer 2>&1"
        )
        .strip()
        .splitlines()
    )
    t.assertEqual([line for line in complaints if "uecho" in line], [])

with subtest(f"exposure at most {CEILING}"):
    for unit in ["uecho.service", "uecho-synthetic.service"]:
        report = machine.succeed(f"systemd-analyze security --no-pager {unit}")
        found = re.search(rf"Overall exposure level for {unit}: ([0-9.]+)", report)
        assert found is not None, report
        print(f"exposure of {unit}: {found[1]}")
        t.assertLessEqual(float(found[1]), CEILING, report)

with subtest("the process has no privileges"):
    pid = machine.get_unit_property("uecho.service", "MainPID")
    status = dict(
        line.split(":\t", 1)
        for line in machine.succeed(f"cat /proc/{pid}/status").splitlines()
        if ":\t" in line
    )
    for capabilities in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]:
        t.assertEqual(int(status[capabilities], 16), 0, capabilities)
    t.assertEqual(status["NoNewPrivs"], "1")
    t.assertEqual(status["Seccomp"], "2")
    t.assertNotIn("0", status["Uid"].split())
    t.assertNotIn("0", status["Gid"].split())

with subtest("the process cannot see or write files of the machine"):
    enter = f"nsenter --target {pid} --mount"
    # This writes as the user of the service, in its view of the file system: only its own two folders for
    # temporary files can be written.
    uid = status["Uid"].split()[0]
    probe = f"{enter} setpriv --reuid={uid} --regid={uid} --clear-groups bash -c"
    for directory in [
        "/",
        "/etc",
        "/usr",
        "/var",
        "/run",
        "/run/lock",
        "/run/uecho",
        "/dev",
        "/dev/shm",
        "/sys",
        "/nix/store",
        "/home",
    ]:
        machine.fail(f"{probe} 'touch {directory}/uecho-was-here' 2>/dev/null")
    machine.succeed(f"{probe} 'touch /tmp/own /var/tmp/own'")
    machine.fail("ls /tmp/own /var/tmp/own 2>/dev/null")
    for path in ["/home", "/root"]:
        t.assertEqual(machine.succeed(f"{enter} ls -A {path}"), "")
    machine.fail(f"{enter} test -e /dev/kmsg")

with subtest("the limits have room for 4096 connections and their fan-out"):
    limits = machine.succeed(f"grep 'Max open files' /proc/{pid}/limits")
    t.assertGreaterEqual(int(limits.split()[3]), 16384)
