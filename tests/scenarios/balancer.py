# HAProxy in front of three nodes: no client loses a request while nodes restart, die or vanish, nor while
# HAProxy reloads. A control, without retries and drains, must lose some. BALANCER_BUSY=1 adds what takes
# longer.
import json
import os
import re
import time

NODES = [n1, n2, n3]
NAMES = ["n1", "n2", "n3"]
CONFIG = "/etc/haproxy.cfg"
DROP_IN = "/run/systemd/system/uecho.service.d/zz-test.conf"
# What tls.certificate adds to the file, after the lines for port 80.
TLS = """\
  bind :443 ssl crt /etc/haproxy.pem alpn h2,http/1.1
  bind :::443 v6only ssl crt /etc/haproxy.pem alpn h2,http/1.1
"""
# Over new connections, and over kept ones. A kept connection often has no request: then the balancer must not
# close it.
LOADS = {"fresh": "--workers 16", "kept": "--keep-alive --workers 8"}

# HAProxy's metrics: its answers, and the requests that it has sent once more.
ANSWERS = "backend_http_responses_total"
RETRIES = "server_retry_warnings_total"

# What wrk does not do by itself: look at the text of each answer, and say what came of it in JSON.
BUSY = "/run/busy.json"
SCRIPT = """\
local threads, wrong = {}, 0
function setup(thread) table.insert(threads, thread) end
function init() WRONG = 0 end
function response(status, headers, body) if body ~= "busy right back at ya!\\n" then WRONG = WRONG + 1 end end
function done(summary, latency)
  for _, thread in ipairs(threads) do wrong = wrong + thread:get("WRONG") end
  local errors = summary.errors
  io.stderr:write(string.format(
    '{"requests": %d, "wrong": %d, "status": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d,'
      .. ' "p99_ms": %.1f, "max_ms": %.1f}\\n',
    summary.requests, wrong, errors.status, errors.connect, errors.read, errors.write, errors.timeout,
    latency:percentile(99) / 1000, latency.max / 1000))
end
"""


def begin(requests: int = 1000) -> None:
    """Start to ask through the balancer; `requests`: the fewest of each kind."""
    client.succeed("touch /run/load.go")
    for kind, options in LOADS.items():
        client.succeed(
            f"systemd-run --quiet --unit=load-{kind} --property=StandardOutput=truncate:/run/load-{kind}.json"
            f" -- uecho-load --url http://lb {options} --rate 400 --min-requests {requests}"
            " --requests 1000000 --seconds 600 --timeout 20 --while-file /run/load.go"
        )
    time.sleep(1)


def end(what: str) -> dict[str, dict[str, object]]:
    """Stop to ask; return, and print, what came of it."""
    client.succeed("rm /run/load.go")
    loads = {}
    for kind in LOADS:
        client.wait_until_fails(f"systemctl is-active load-{kind}.service", timeout=120)
        loads[kind] = json.loads(client.succeed(f"cat /run/load-{kind}.json"))
        shown = {key: value for key, value in loads[kind].items() if key != "receipts"}
        print(f"{what}, {kind}: {shown}")
    return loads


def nothing_lost(loads: dict[str, dict[str, object]]) -> None:
    t.assertEqual({kind: load["failures"] for kind, load in loads.items()}, {"fresh": {}, "kept": {}})


def metric(name: str) -> list[tuple[str, str]]:
    """Labels and value of each of HAProxy's metrics of this name, as its monitoring sees them."""
    metrics = client.succeed("curl -sSf --max-time 5 http://lb:8404/metrics")
    return re.findall(rf'^haproxy_{name}{{proxy="nodes",?(.*)}} (\d+)$', metrics, re.MULTILINE)


def wait_for_state(name: str, state: str) -> None:
    """Wait until HAProxy says this of the node."""
    wanted = (f'server="{name}",state="{state}"', "1")
    start = time.monotonic()
    while wanted not in metric("server_status"):
        t.assertLess(time.monotonic() - start, 120, f"{name} does not become {state}")
        time.sleep(0.1)


def total(name: str) -> int:
    """The sum of a metric over all of its labels."""
    return sum(int(count) for _, count in metric(name))


def wait_for_answers(count: int) -> None:
    """Wait until HAProxy has counted as many."""
    start = time.monotonic()
    while (found := total(ANSWERS)) < count:
        t.assertLess(time.monotonic() - start, 300, f"only {found} answers, not {count}")
        time.sleep(0.5)


def changes() -> list[tuple[str, str, int]]:
    """What HAProxy has noticed so far: node, its new state, and how many are up."""
    lb.succeed("journalctl --sync")
    journal = lb.succeed("journalctl --boot --unit=haproxy.service --output=cat _TRANSPORT=syslog")
    found = re.findall(r"Server nodes/(\w+) is (UP|DOWN), reason: .*?(\d+) active", journal)
    return [(name, state, int(up)) for name, state, up in found]


def configure(text: str) -> None:
    """Make this HAProxy's configuration."""
    lb.succeed(
        f"rm {CONFIG}; cat > {CONFIG} <<'CFG'\n{text}\nCFG",
        f'"$(command -v haproxy || echo /run/haproxy/haproxy)" -c -f {CONFIG}',
        "systemctl reload haproxy.service; sleep 1",
    )


def send(node, signal: str) -> None:
    """Send the signal to the node's service."""
    node.succeed(f"systemctl kill --kill-whom=main --signal={signal} uecho.service")


def restart(node, seconds_down: int, setting: str) -> None:
    """Stop the node in the order of a shutdown: its listeners last. Start it with one more setting."""
    node.succeed(
        f"systemctl stop uecho.service uecho.socket; sleep {seconds_down}; mkdir -p $(dirname {DROP_IN})",
        f"printf '[Service]\\nEnvironment={setting}\\n' > {DROP_IN}; systemctl daemon-reload",
        "systemctl start uecho.socket uecho.service",
    )
    wait_for_state(node.name, "UP")


start_all()
for node in NODES:
    node.wait_for_unit("uecho.service")
lb.wait_for_unit("haproxy.service")
for name in NAMES:
    wait_for_state(name, "UP")
original = lb.succeed(f"cat {CONFIG}")

with subtest("all nodes restart, one after the other"):
    seen = len(changes())
    begin(requests=8000)
    for node in NODES:
        restart(node, 3, "UECHO_SYSTEM=new")
    loads = end("rolling restart")
    nothing_lost(loads)
    t.assertEqual(
        changes()[seen:], [(name, state, up) for name in NAMES for state, up in [("DOWN", 2), ("UP", 3)]]
    )
    # Each node has changed its version once.
    receipts = loads["fresh"]["receipts"]
    assert isinstance(receipts, list)
    for name in NAMES:
        of_node = [entry for entry in receipts if f"instance={name};" in entry["receipt"]]
        t.assertEqual(["system=new" in entry["receipt"] for entry in of_node], [False, True])
        t.assertLess(of_node[0]["last_s"], of_node[1]["first_s"])

if os.environ.get("BALANCER_BUSY") == "1":
    with subtest("all nodes restart, while kept connections ask for 200,000 answers and are never idle"):
        seen, before = len(changes()), total(ANSWERS)
        client.succeed(f"cat > /run/busy.lua <<'LUA'\n{SCRIPT}LUA")
        client.succeed(
            "systemd-run --quiet --unit=busy --property=KillSignal=SIGINT"
            f" --property=StandardError=truncate:{BUSY} -- wrk --threads 2 --connections 8 --duration 900s"
            " --timeout 20s --header 'Accept: text/plain' --script /run/busy.lua http://lb/busy"
        )
        for number, node in enumerate(NODES, start=1):
            wait_for_answers(before + number * 50_000)
            restart(node, 3, "UECHO_SYSTEM=newer")
        wait_for_answers(before + 205_000)
        client.succeed("systemctl stop busy.service")
        busy = json.loads(client.succeed(f"cat {BUSY}"))
        print(f"rolling restart, busy: {busy}")
        t.assertGreaterEqual(busy["requests"], 200_000)
        for problem in ["wrong", "status", "connect", "read", "write", "timeout"]:
            t.assertEqual(busy[problem], 0, problem)
        t.assertLessEqual(busy["p99_ms"], 250)
        t.assertEqual(
            changes()[seen:], [(name, state, up) for name in NAMES for state, up in [("DOWN", 2), ("UP", 3)]]
        )

with subtest("six kills, with no socket to wait in"):
    begin()
    for node in NODES * 2:
        node.succeed(
            "systemctl stop uecho.socket; systemctl kill --kill-whom=main --signal=KILL uecho.service"
        )
        node.wait_until_succeeds("systemctl is-active uecho.service uecho.socket", timeout=30)
        time.sleep(1)
        wait_for_state(node.name, "UP")
    nothing_lost(end("kills"))

with subtest("each node loses its power, and boots again"):
    seen = len(changes())
    begin()
    for node in NODES:
        node.crash()
        wait_for_state(node.name, "DOWN")
        node.start()
        wait_for_state(node.name, "UP")
    nothing_lost(end("power cuts"))
    t.assertEqual([name for name, state, _ in changes()[seen:] if state == "DOWN"], NAMES)

with subtest("each node vanishes from the network with requests that it has taken, and comes back"):
    seen, before = len(changes()), total(RETRIES)
    begin()
    # The last one for longer than the balancer waits for an answer (12 s).
    for node, seconds in [(n1, 0), (n2, 0), (n3, 14)]:
        send(node, "STOP")
        # Not read, and acknowledged: the kernel waits up to 40 ms with that.
        node.wait_until_succeeds(
            "ss -H -n -t 'sport = 8080' | awk '$2 > 0' | grep . && sleep 0.2", timeout=10
        )
        node.block()
        send(node, "CONT")
        wait_for_state(node.name, "DOWN")
        time.sleep(seconds)
        node.unblock()
        wait_for_state(node.name, "UP")
    nothing_lost(end("black holes"))
    t.assertEqual([name for name, state, _ in changes()[seen:] if state == "DOWN"], NAMES)
    t.assertGreaterEqual(total(RETRIES) - before, len(NODES))

with subtest("a node that is slow is not taken for one that has vanished"):
    before = total(RETRIES)
    begin()
    send(n1, "STOP")
    time.sleep(4)
    send(n1, "CONT")
    wait_for_state("n1", "UP")
    loads = end("slow node")
    nothing_lost(loads)
    longest = [load["max_ms"] for load in loads.values()]
    assert any(isinstance(milliseconds, float) and milliseconds > 3000 for milliseconds in longest), longest
    t.assertEqual(total(RETRIES), before)

with subtest("twenty reloads"):
    pid = lb.get_unit_property("haproxy.service", "MainPID")
    begin()
    for _ in range(20):
        lb.succeed("systemctl reload haproxy.service; sleep 0.4")
    loads = end("reloads")
    nothing_lost(loads)
    t.assertEqual(lb.get_unit_property("haproxy.service", "MainPID"), pid)
    # Each new process has taken over: an old one tells its clients to connect again.
    connections = loads["kept"]["connections"]
    assert isinstance(connections, int)
    t.assertGreater(connections, 8 * 10)

with subtest("TLS: a certificate is renewed"):

    def renew(serial: int) -> None:
        """Make a certificate with this serial number, for HAProxy to read."""
        lb.succeed(
            f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=lb -set_serial {serial} -days 9"
            " -keyout /run/key -out /run/certificate 2>&1",
            "cat /run/certificate /run/key > /etc/haproxy.pem; chown haproxy /etc/haproxy.pem",
        )

    def shown() -> str:
        """Serial number of the certificate that clients see, and the protocol that they speak."""
        said = client.succeed(
            "curl -sS --insecure --max-time 5 --verbose https://lb/hello 2>&1; echo | openssl s_client"
            " -connect lb:443 2>/dev/null | openssl x509 -noout -serial"
        )
        t.assertIn("HTTP/2 200", said)
        t.assertIn("hello right back at ya!", said)
        return said.rpartition("serial=")[2].strip()

    renew(17)
    plain = "  bind :::80 v6only\n"
    configure(original.replace(plain, plain + TLS))
    t.assertEqual(shown(), "11")
    begin()
    renew(18)
    lb.succeed("systemctl reload haproxy.service; sleep 1")
    t.assertEqual(shown(), "12")
    nothing_lost(end("certificate renewed"))
    configure(original)

with subtest("reloads with a node that is down: the new process knows"):
    n1.succeed("systemctl stop uecho.service uecho.socket")
    wait_for_state("n1", "DOWN")
    seen = len(changes())
    begin()
    for _ in range(5):
        lb.succeed("systemctl reload haproxy.service; sleep 0.5")
    nothing_lost(end("reloads with a node down"))
    # No new process has found out by its own checks.
    t.assertEqual(changes()[seen:], [])
    n1.succeed("systemctl start uecho.socket uecho.service")
    wait_for_state("n1", "UP")

with subtest("the control loses requests"):
    careless = original.replace("retries 3", "retries 0")
    for line in ["option redispatch .*", "retry-on .*", "default-server observe .*"]:
        careless, count = re.subn(f"^ *{line}\n", "", careless, flags=re.MULTILINE)
        t.assertEqual(count, 1, line)
    configure(careless)
    for node in NODES:
        restart(node, 0, "UECHO_DRAIN__DELAY=0s")
    begin()
    for node in NODES:
        restart(node, 1, "UECHO_DRAIN__DELAY=0s")
    for load in end("control").values():
        failed = load["failed"]
        assert isinstance(failed, int)
        t.assertGreater(failed, 100)

with subtest("operations: who may ask, and what the balancer says without nodes"):
    configure(original.replace("192.168.1.0/24", "10.9.0.0/24"))
    client.fail("curl -sS --max-time 5 http://lb:8404/metrics")
    lb.succeed("curl -sSf --max-time 5 http://127.0.0.1:8404/metrics")
    configure(original)
    client.succeed("curl -sSf --max-time 5 http://lb:8404/up http://lb:8404/may-drain")
    for node in NODES:
        node.succeed("systemctl stop uecho.service uecho.socket")
        wait_for_state(node.name, "DOWN")
        client.fail("curl -sSf --max-time 5 http://lb:8404/may-drain")
    for url in ["http://lb:8404/up", "http://lb/"]:
        status = client.succeed(
            f"curl -sS --max-time 20 --output /dev/null --write-out '%{{http_code}}' {url}"
        )
        t.assertEqual(status, "503", url)
