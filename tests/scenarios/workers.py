# One worker for each CPU that the service manager lets the service use, by affinity and by quota; seen from
# within the sandbox of the unit.
DROP_IN = "/run/systemd/system/uecho.service.d/zz-test.conf"


def workers(*settings: str) -> int:
    """Threads that serve, with these settings of the unit."""
    unit = "\n".join(["[Service]", *settings])
    machine.succeed(
        f"mkdir -p /run/systemd/system/uecho.service.d; cat > {DROP_IN} <<'UNIT'\n{unit}\nUNIT",
        "systemctl daemon-reload",
        "systemctl restart uecho.service",
        "curl -sSf http://127.0.0.1:8080/here",
    )
    pid = machine.get_unit_property("uecho.service", "MainPID")
    # The main thread is one of them.
    return 1 + int(machine.succeed(f"cat /proc/{pid}/task/*/comm | grep -c '^worker ' || :"))


start_all()
machine.wait_for_unit("uecho.service")
cpus = int(machine.succeed("nproc"))
t.assertGreater(cpus, 1, "on one CPU there is nothing to see")

with subtest("as many as there are CPUs"):
    t.assertEqual(workers(), cpus)

with subtest("one, where the affinity is one CPU"):
    t.assertEqual(workers("CPUAffinity=0"), 1)

if "cpu" in machine.succeed("cat /sys/fs/cgroup/cgroup.controllers").split():
    with subtest("one, where the quota is one CPU"):
        t.assertEqual(workers("CPUQuota=100%"), 1)
        t.assertEqual(workers("CPUQuota=50%"), 1)
else:
    print("NOT TESTED: quota; the kernel gives this machine no cpu controller of cgroup v2")
