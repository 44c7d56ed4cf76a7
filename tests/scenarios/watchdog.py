# Watchdog: systemd finds a process that hangs and replaces it, and the next process answers the clients that
# connected meanwhile.
import time

start_all()
machine.wait_for_unit("uecho.service")

with subtest("the watchdog is fed while the service serves"):
    machine.succeed("sleep 12")
    t.assertEqual(machine.get_unit_property("uecho.service", "NRestarts"), "0")
    first = int(machine.get_unit_property("uecho.service", "WatchdogTimestampMonotonic"))
    machine.wait_until_succeeds(
        f'test "$(systemctl show --property=WatchdogTimestampMonotonic --value uecho.service)" -gt {first}',
        timeout=30,
    )

with subtest("systemd finds a stopped process"):
    pid = machine.get_unit_property("uecho.service", "MainPID")
    begin = time.monotonic()
    machine.succeed("systemctl kill --kill-whom=main --signal=STOP uecho.service")
    answer = machine.succeed("curl -sSf --max-time 120 -H 'Accept: text/plain' http://127.0.0.1:8080/waited")
    t.assertEqual(answer, "waited right back at ya!\n")
    print(f"answered {time.monotonic() - begin:.1f} s after SIGSTOP")
    machine.wait_for_unit("uecho.service")
    t.assertNotEqual(machine.get_unit_property("uecho.service", "MainPID"), pid)
    machine.succeed("journalctl --boot --unit=uecho.service --output=cat | grep -F 'Watchdog timeout'")
    machine.succeed(
        "journalctl --boot --unit=uecho.service --output=cat | grep -F \"Failed with result 'watchdog'\""
    )

with subtest("no core dump is left, because memory contains secrets"):
    t.assertEqual(machine.get_unit_property("uecho.service", "LimitCORE"), "0")
