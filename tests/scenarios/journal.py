# Journal: one entry per request with the documented fields, and nothing that a client sends can add an entry
# or a field.
import json

DROP_IN = "/run/systemd/system/uecho.service.d/zz-test.conf"
# The fields of a request; those in OPTIONAL may be absent.
FIELDS = {
    "MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "TIMESTAMP", "TARGET", "CODE_FILE", "CODE_LINE", "TRACE_ID",
    "SPAN_ID", "HTTP_REQUEST_METHOD", "HTTP_ROUTE", "HTTP_RESPONSE_STATUS_CODE", "HTTP_RESPONSE_BODY_SIZE",
    "DURATION_MS", "URL_PATH",
}  # fmt: skip
OPTIONAL = {"CLIENT_ADDRESS", "USER_AGENT_ORIGINAL", "ERROR_TYPE"}
CASES = {
    # name: request line and header lines as they are sent, with the escapes of printf(1)
    "plain": ["GET /hello HTTP/1.1", "User-Agent: plain/1"],
    "encoded line breaks": [r"GET /a%%0d%%0aMESSAGE=forged%%0aPRIORITY=0%%0a HTTP/1.1", "User-Agent: a"],
    "encoded NUL and escape": [r"GET /a%%00b%%1b[31mred HTTP/1.1", "User-Agent: a"],
    "journal separators": [
        r"GET /MESSAGE=forged HTTP/1.1",
        r"User-Agent: a MESSAGE=forged\tPRIORITY=0\t_UID=0",
    ],
    "C1 controls": [r"GET /c1 HTTP/1.1", r"User-Agent: a\302\2332J\302\205MESSAGE=forged\342\200\250end"],
    "not UTF-8": [r"GET /latin1 HTTP/1.1", r"User-Agent: \377\376\233\200"],
    "long values": [f"GET /{'p' * 7000} HTTP/1.1", f"User-Agent: {'u' * 7000}"],
    "query and secrets": [
        "GET /q?key=canary-query HTTP/1.1",
        "Authorization: Bearer canary-authorization",
        "Cookie: id=canary-cookie",
    ],
}


def entries(match: str) -> list[dict[str, str]]:
    machine.succeed("journalctl --sync")
    lines = machine.succeed(f"journalctl --boot --unit=uecho.service --output=json --all {match}")
    return [json.loads(line) for line in lines.split("\n") if line]


def send(number: int, lines: list[str]) -> tuple[str, str]:
    """Send the request unchanged; return its trace id and the status line of the answer."""
    trace = f"{number:032x}"
    head = [
        lines[0],
        "Host: localhost",
        *lines[1:],
        f"traceparent: 00-{trace}-00000000000000aa-01",
        "Connection: close",
    ]
    wire = r"\r\n".join(head) + r"\r\n\r\n"
    return trace, machine.succeed(
        f"exec 3<>/dev/tcp/127.0.0.1/8080; printf '{wire}' >&3; head -n 1 <&3"
    ).strip()


start_all()
machine.wait_for_unit("uecho.service")
machine.succeed("mkdir -p /run/systemd/system/uecho.service.d")
machine.succeed(
    f"printf '[Service]\\nEnvironment=UECHO_LOG__ACCESS=all\\n' > {DROP_IN}",
    "systemctl daemon-reload",
    "systemctl restart uecho.service",
)

with subtest("one entry per request, with the documented fields and no others"):
    for number, (name, lines) in enumerate(CASES.items(), start=1):
        trace, status = send(number, lines)
        t.assertIn(" 200 ", f"{status} ", name)
        found = entries(f"TRACE_ID={trace}")
        t.assertEqual(len(found), 1, name)
        own = {key: value for key, value in found[0].items() if not key.startswith("_")}
        t.assertEqual(set(own) - OPTIONAL, FIELDS, name)
        t.assertEqual(own["SYSLOG_IDENTIFIER"], "uecho")
        t.assertEqual(own["PRIORITY"], "6", name)
        t.assertEqual(own["HTTP_RESPONSE_STATUS_CODE"], "200")
        t.assertNotEqual(found[0]["_UID"], "0")
        # journalctl shows a value with unprintable bytes as a list of numbers.
        for key, value in own.items():
            t.assertIsInstance(value, str, f"{name}: {key}")
            t.assertTrue(value.isprintable(), f"{name}: {key}={value!r}")
            t.assertLessEqual(len(value), 1100, f"{name}: {key}")

with subtest("refused requests forge no entry, either"):
    before = len(entries(""))
    for lines in [
        [r"GET /bad\000path HTTP/1.1"],
        [r"GET /ok HTTP/1.1", r"User-Agent: a\033[2Jb"],
        [r"GET /ok HTTP/1.1", r"X: a\nMESSAGE=forged\n\nMESSAGE=second"],
        [r"GET /ok HTTP/1.1", r"X: a\000b"],
    ]:
        _, status = send(0xBAD, lines)
        t.assertIn(" 400 ", f"{status} ")
    print(f"entries about 4 refused requests: {len(entries('')) - before}")
    t.assertLessEqual(len(entries("")) - before, 4)

with subtest("no entry is forged, and no secret or query is logged"):
    told = entries("")
    t.assertEqual([entry["MESSAGE"] for entry in told if "forged" in str(entry["MESSAGE"])], [])
    t.assertEqual([entry for entry in told if entry.get("PRIORITY") == "0"], [])
    for canary in ["canary-query", "canary-authorization", "canary-cookie"]:
        t.assertNotIn(canary, json.dumps(told))

with subtest("10,000 requests are 10,000 entries, or counted as dropped"):
    marks = (
        machine.succeed("journalctl --boot --unit=uecho.service --show-cursor --lines=0")
        .split("cursor: ")[1]
        .strip()
    )
    load = json.loads(machine.succeed("uecho-load --requests 10000 --seconds 120"))
    t.assertEqual(load["failures"], {})
    # A stop writes the entries that still wait.
    dropped = machine.succeed(
        "curl -sSf http://127.0.0.1:8081/metrics | grep ^uecho_log_dropped_total || :"
    ).split()
    machine.succeed("systemctl stop uecho.service; journalctl --sync")
    written = int(
        machine.succeed(
            f"journalctl --after-cursor='{marks}' --unit=uecho.service --output=cat"
            " USER_AGENT_ORIGINAL=uecho-load | wc -l"
        )
    )
    lost = int(float(dropped[1])) if dropped else 0
    print(f"10000 requests: {written} entries, {lost} counted as dropped")
    t.assertEqual(written + lost, 10_000)
