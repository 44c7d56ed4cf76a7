# Crashes: the service comes back after each of 100 kills, keeps the clients' connections, and never ends up
# "failed".
import time

KILLS = 100

start_all()
machine.wait_for_unit("uecho.service")

with subtest(f"kill -9, {KILLS} times"):
    before = int(machine.get_unit_property("uecho.service", "NRestarts"))
    seconds = []
    pids = set()
    for number in range(KILLS):
        begin = time.monotonic()
        # The connection waits in the socket until the next process takes it.
        answer = machine.succeed(
            "systemctl kill --kill-whom=main --signal=KILL uecho.service;"
            f" curl -sSf --max-time 30 -H 'Accept: text/plain' http://127.0.0.1:8080/crash-{number}"
        )
        t.assertEqual(answer, f"crash-{number} right back at ya!\n")
        seconds.append(time.monotonic() - begin)
        machine.wait_until_succeeds("systemctl is-active uecho.service", timeout=30)
        pids.add(machine.get_unit_property("uecho.service", "MainPID"))
    # Every kill ends another process.
    print(
        f"{KILLS} kills: answer after {sorted(seconds)[KILLS // 2]:.2f} s"
        f" (median), {max(seconds):.2f} s (longest)"
    )
    t.assertEqual(int(machine.get_unit_property("uecho.service", "NRestarts")) - before, KILLS)
    t.assertEqual(len(pids), KILLS)

with subtest("the units have not failed, and the service is ready"):
    machine.require_unit_state("uecho.service")
    machine.fail("systemctl is-failed uecho.service uecho.socket uecho-ops.socket")
    machine.succeed("curl -sSf http://127.0.0.1:8080/readyz")

with subtest("the service starts again after an end that nobody asked for"):
    restarts = int(machine.get_unit_property("uecho.service", "NRestarts"))
    machine.succeed("systemctl kill --kill-whom=main --signal=TERM uecho.service")
    machine.wait_until_succeeds(
        f'test "$(systemctl show --property=NRestarts --value uecho.service)" -gt {restarts}', timeout=60
    )
    machine.wait_until_succeeds("curl -sSf --max-time 10 http://127.0.0.1:8080/readyz", timeout=60)
