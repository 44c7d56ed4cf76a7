# Logs: a node sends its journal to the archive. No line is lost and few come twice, over outages and power
# cuts; a control, with the unit as it comes from systemd, gives up. The files that are full are sealed
# meanwhile, and whoever changes one later is found out.
import json
import os
import time

UPLOAD = "systemd-journal-upload.service"
RECEIVED = "/var/log/journal/remote"
SEAL = f"uecho-log-archive seal --logs {RECEIVED} --chain /var/lib/uecho-log-archive"
VERIFY = f"uecho-log-archive verify --logs {RECEIVED} --chain /var/lib/uecho-log-archive"
SENT = 'uecho_log_upload_timestamp_seconds{receiver="archive"}'
SEALED = 'uecho_log_archive_timestamp_seconds{step="seal"}'
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
# How much more, and how much longer, than in a short run.
FACTOR = int(os.environ.get("LOGS_FACTOR", "1"))
LINES = 10_000 * FACTOR
PART = LINES // 5
written = 0


def begin(identifier: str = "numbered") -> None:
    """Begin to write the next part of the lines at the node: some hundred a second, each with its number."""
    global written
    first, written = written + 1, written + PART
    lines = f"for ((i = {first}; i <= {written}; i++)); do echo line $i; ((i % 8)) || sleep 0.01; done"
    n1.succeed(
        "systemd-run --quiet --unit=lines --property=LogRateLimitIntervalSec=0"
        f" --property=SyslogIdentifier={identifier} -- bash -c '{lines}'"
    )


def end() -> None:
    """Wait until that part is written."""
    n1.wait_until_fails("systemctl is-active lines.service", timeout=120 * FACTOR)


def write(identifier: str = "numbered") -> None:
    begin(identifier)
    end()


def arrived(identifier: str = "numbered") -> list[str]:
    """The lines that the archive has, in their order."""
    return archive.succeed(
        f"journalctl --directory={RECEIVED} --identifier={identifier} --output=cat --quiet || :"
    ).splitlines()


def wait_for_lines(identifier: str = "numbered") -> None:
    """Wait until the archive has every line that was written."""
    start = time.monotonic()
    while (count := len(set(arrived(identifier)))) < written:
        t.assertLess(time.monotonic() - start, 120 * FACTOR, f"{count} of {written} lines")
        time.sleep(1)
    print(f"{written} lines: all there {time.monotonic() - start:.1f} s later")


def age(machine, series: str) -> float:
    """How long ago it was, in seconds, as the node exporter is told."""
    machine.succeed("systemctl start uecho-log-metrics.service")
    lines = machine.succeed("cat /run/uecho-log-metrics/metrics.prom").splitlines()
    [value] = [line.removeprefix(f"{series} ") for line in lines if line.startswith(f"{series} ")]
    return time.time() - float(value)


def restarts() -> int:
    return int(n1.get_unit_property(UPLOAD, "NRestarts"))


start_all()
archive.wait_for_unit("nginx.service")
n1.wait_for_unit(UPLOAD)

with subtest("lines arrive, and the service's own fields with them"):
    n1.wait_for_unit("uecho.service")
    n1.succeed(f"curl -sSf -H 'traceparent: 00-{TRACE}-00f067aa0ba902b7-01' http://127.0.0.1:8080/hello")
    write()
    wait_for_lines()
    command = f"journalctl --directory={RECEIVED} --output=json TRACE_ID={TRACE}"
    entry = json.loads(archive.wait_until_succeeds(f"{command} | grep .", timeout=30).splitlines()[0])
    t.assertEqual(
        [entry[key] for key in ("HTTP_ROUTE", "URL_PATH", "HTTP_RESPONSE_STATUS_CODE", "_HOSTNAME")],
        ["/{text}", "/hello", "200", "n1"],
    )

with subtest("nobody without a certificate of the authority may send"):
    refused = n1.succeed(
        "curl --silent --insecure --output /dev/null --write-out '%{http_code}' https://archive:19533/upload"
    )
    t.assertEqual(refused, "400")
    n1.fail("curl --silent --max-time 5 http://archive:19532/upload")

with subtest("the archive refuses connections, for longer than the control below takes to give up"):
    before = restarts()
    begin()
    archive.succeed("systemctl stop nginx.service")
    end()
    n1.wait_until_succeeds(f"test $(systemctl show --property=NRestarts --value {UPLOAD}) -ge {before + 4}")
    archive.succeed("systemctl start nginx.service")
    wait_for_lines()
    # Nothing was ever sealed, and the metrics tell.
    t.assertGreater(age(archive, SEALED), 10**9)
    archive.succeed(SEAL)
    t.assertLess(age(archive, SEALED), 10)

with subtest("the archive vanishes from the network"):
    begin()
    archive.block()
    end()
    n1.sleep(12 * FACTOR)
    behind = age(n1, SENT)
    print(f"the metrics are {behind:.1f} s behind")
    t.assertGreater(behind, 10 * FACTOR)
    t.assertLess(behind, 600)
    archive.unblock()
    wait_for_lines()
    # That it was asked is in the journal, too, so the time goes on.
    start = time.monotonic()
    while (now := age(n1, SENT)) > 5:
        t.assertLess(time.monotonic() - start, 45, f"the metrics are {now:.1f} s behind")
        # More than five starts in ten seconds are too many.
        time.sleep(3)

with subtest("the receiver dies while it receives"):
    begin()
    time.sleep(1)
    archive.succeed("systemctl kill --kill-whom=main --signal=KILL systemd-journal-remote.service")
    end()
    wait_for_lines()

with subtest("the archive loses its power, and so does the node before the archive is back"):
    begin()
    time.sleep(1)
    archive.crash()
    end()
    n1.succeed("journalctl --sync")
    n1.crash()
    n1.start()
    time.sleep(5)
    archive.start()
    wait_for_lines()

with subtest("every line is there, and few are there twice"):
    t.assertEqual(written, LINES)
    lines = arrived()
    wanted = [f"line {number}" for number in range(1, LINES + 1)]
    t.assertEqual(sorted(set(lines)), sorted(wanted))
    print(f"{LINES} lines: {len(lines) - LINES} came twice")
    t.assertLessEqual(len(lines) - LINES, LINES // 100)
    for host, unit in [(n1, UPLOAD), (archive, "systemd-journal-remote.service")]:
        pid = host.get_unit_property(unit, "MainPID")
        print(f"{unit}: at most {host.succeed(f'grep VmHWM /proc/{pid}/status').split()[1]} KiB")

with subtest("sealed files do not change, and a change is found"):
    archive.succeed(SEAL, VERIFY)
    sealed = archive.succeed("cat /var/lib/uecho-log-archive/*.json").splitlines()
    files = [json.loads(line)["file"] for line in sealed]
    print(f"{len(files)} files sealed, {sum(file.endswith('~') for file in files)} of them left by a crash")
    t.assertGreater(len(files), 3)
    third = f"{RECEIVED}/{files[2]}"
    archive.succeed(f"printf x | dd of={third} bs=1 seek=4096 conv=notrunc status=none")
    status, told = archive.execute(f"{VERIFY} 2>&1")
    t.assertEqual(status, 1)
    t.assertIn(f"altered: {files[2]}", told)

with subtest("the control, with the unit as it comes, gives up for ever"):
    fragment = n1.get_unit_property(UPLOAD, "FragmentPath")
    config = "/etc/systemd/journal-upload.conf"
    # Only its own credentials are added, and where they are, as for a second receiver.
    added = f"ImportCredential=journal-upload.*\\nBindReadOnlyPaths=/run/control.conf:{config}"
    n1.succeed(
        f"systemctl stop {UPLOAD}; sed s/{UPLOAD}/control.service/ {config} > /run/control.conf",
        f"sed '/^ExecStart=/a {added}' {fragment} > /run/systemd/system/control.service",
        "systemctl daemon-reload; systemctl start control.service",
    )
    written = 0
    write("control")
    wait_for_lines("control")
    archive.succeed("systemctl stop nginx.service")
    write("control")
    n1.wait_until_succeeds("systemctl is-failed control.service", timeout=120)
    archive.succeed("systemctl start nginx.service")
    n1.sleep(10)
    n1.succeed("systemctl is-failed control.service")
    t.assertEqual(len(set(arrived("control"))), written - PART)
    # The drop-in is the whole difference.
    n1.succeed(f"systemctl start {UPLOAD}")
    wait_for_lines("control")
