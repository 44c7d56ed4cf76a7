import json
import time
from typing import Any

NODES = ["n1", "n2", "n3"]
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
LOGS = "http://127.0.0.1:9428/select/logsql/query"
TRACES = "http://127.0.0.1:10428/select/jaeger/api"
GRAFANA = "http://127.0.0.1:3000"
PROXIED = "api/datasources/proxy/uid/traces/api/services"
# Until a page has asked for all that it shows, in its own time.
BROWSER = "chromium --headless --no-sandbox --disable-gpu --window-size=1600,2400 --virtual-time-budget=30000"


def found(query: str) -> list[dict[str, str]]:
    """The entries that VictoriaLogs has for a query."""
    answer = obs.succeed(f"curl -sSf --max-time 10 {LOGS} --data-urlencode 'query={query}'")
    return [json.loads(line) for line in answer.splitlines()]


def dashboard(file: str) -> dict[str, Any]:
    """A dashboard as it is provisioned."""
    read: dict[str, Any] = json.loads(obs.succeed(f"cat /etc/uecho-dashboards/{file}"))
    return read


start_all()
for unit in ["victorialogs", "victoriatraces", "nginx", "grafana"]:
    obs.wait_for_unit(f"{unit}.service")
for name in NODES:
    client.wait_until_succeeds(f"curl -sSf http://{name}:8080/readyz", timeout=120)
client.wait_until_succeeds("curl -sSf http://lb:8404/may-drain", timeout=60)

with subtest("one request through the balancer and to all nodes"):
    headers = client.succeed(
        f"curl -sSf --max-time 10 --dump-header - --output /dev/null -H 'traceparent: 00-{TRACE}-{CALLER}-01'"
        " http://lb/api/v1/fanout/hello"
    )
    t.assertIn(f"x-trace-id: {TRACE}", headers.lower())

with subtest("its lines are found, of all nodes, with their fields"):
    start = time.monotonic()
    while True:
        entries = found(f"_time:1h TRACE_ID:{TRACE}")
        if {entry["_HOSTNAME"] for entry in entries} == set(NODES):
            break
        t.assertLess(time.monotonic() - start, 60, f"{len(entries)} entries")
        time.sleep(1)
    t.assertEqual({entry["SYSLOG_IDENTIFIER"] for entry in entries}, {"uecho"})
    t.assertIn("/api/v1/fanout/{*text}", {entry["HTTP_ROUTE"] for entry in entries})

with subtest("its spans are one tree: the node that was asked, its two questions, and who answered them"):
    start = time.monotonic()
    while True:
        code, answer = obs.execute(f"curl -sf --max-time 10 {TRACES}/traces/{TRACE}")
        data = json.loads(answer)["data"] if code == 0 else []
        spans = data[0]["spans"] if data else []
        if len(spans) >= 5:
            break
        t.assertLess(time.monotonic() - start, 60, f"{len(spans)} of 5 spans have come")
        time.sleep(1)
    t.assertEqual(len(spans), 5)
    parents = {span["spanID"]: [one["spanID"] for one in span["references"]] for span in spans}
    [root] = [span for span, above in parents.items() if above == [CALLER]]
    questions = [span for span, above in parents.items() if above == [root]]
    t.assertEqual(len(questions), 2)
    answered = [above[0] for above in parents.values() if above[0] in questions]
    t.assertEqual(sorted(answered), sorted(questions))

with subtest("Grafana asks the same, and the panels of logs have something to show"):
    t.assertIn("uecho", obs.succeed(f"curl -sSf --max-time 10 {GRAFANA}/{PROXIED}"))
    panels = dashboard("uecho-logs.json")["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"] if "expr" in target]
    t.assertGreater(len(queries), 1)
    t.assertEqual([query for query in queries if not found(query)], [])

with subtest("a browser shows each dashboard; the pictures are in the result of this test"):
    for file in obs.succeed("ls /etc/uecho-dashboards").split():
        shown = dashboard(file)
        page, picture = f"{GRAFANA}/d/{shown['uid']}?kiosk", f"/tmp/{shown['uid']}.png"
        seen = obs.succeed(f"{BROWSER} --dump-dom --screenshot={picture} '{page}'", timeout=180)
        titles = [panel["title"] for panel in shown["panels"][:2]]
        t.assertEqual([title for title in titles if title not in seen], [], file)
        obs.copy_from_machine(picture)

with subtest("who may send may ask nothing"):
    n1.fail("curl -sS --max-time 5 http://obs:9428/select/logsql/query -d 'query=*'")
    n1.fail("curl -sS --max-time 5 http://obs:10428/select/jaeger/api/services")
    refused = n1.succeed("curl -s -o /dev/null -w '%{http_code}' http://obs:4318/select/jaeger/api/services")
    t.assertEqual(refused, "404")
    own = "--cert /etc/credstore/journal-upload.cert --key /etc/credstore/journal-upload.key"
    ask = "curl -s --insecure -o /dev/null -w '%{http_code}' https://obs:9443/select/logsql/query"
    t.assertEqual(n1.succeed(f"{ask} {own}"), "404")
    t.assertEqual(n1.succeed(ask), "400")
