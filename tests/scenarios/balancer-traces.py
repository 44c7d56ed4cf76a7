# A request goes through the balancer to a node, and from there to the other ones: it is one trace, whose id
# is in the answer, in the journals of all nodes, and at the collector. nginx in front of that lets nothing
# else through.
import json
import time

NODES = {"n1": n1, "n2": n2, "n3": n3}
COLLECTOR = "http://client:4318"
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
DROP_IN = "/run/systemd/system/uecho.service.d/zz-test.conf"

start_all()
client.succeed(
    "if command -v iptables; then iptables --insert INPUT --protocol tcp --dport 4318 --jump ACCEPT; fi",
    "systemd-run --quiet --unit=collector uecho-otlp 10428",
)
client.wait_for_unit("nginx.service")
for name, node in NODES.items():
    peers = json.dumps([f"http://{other}:8080" for other in NODES if other != name])
    settings = {"FANOUT__PEERS": peers, "OTLP__ENDPOINT": COLLECTOR, "LOG__ACCESS": "all"}
    lines = "\n".join(f"Environment='UECHO_{key}={value}'" for key, value in settings.items())
    node.succeed(
        f"mkdir -p $(dirname {DROP_IN})",
        f"cat > {DROP_IN} <<'UNIT'\n[Service]\n{lines}\nUNIT",
        "systemctl daemon-reload; systemctl restart uecho.service",
    )
client.wait_until_succeeds("curl -sSf http://lb:8404/may-drain", timeout=60)

with subtest("one request, one trace"):
    headers = client.succeed(
        f"curl -sSf --max-time 10 --dump-header - --output /dev/null -H 'traceparent: 00-{TRACE}-{CALLER}-01'"
        " http://lb/api/v1/fanout/hello"
    )
    t.assertIn(f"x-trace-id: {TRACE}", headers.lower())
    start = time.monotonic()
    while True:
        spans = json.loads(client.succeed("curl -sSf http://127.0.0.1:10428"))
        ours = [span for span in spans if span["trace_id"] == TRACE]
        if len(ours) >= 5:
            break
        t.assertLess(time.monotonic() - start, 30, f"{len(ours)} of 5 spans have come")
        time.sleep(0.2)
    print(json.dumps(ours, indent=1))

with subtest("the spans are a tree: the node that was asked, its two questions, and who answered them"):
    t.assertEqual(len(ours), 5)
    children = {span["span_id"]: span["parent_span_id"] for span in ours}
    t.assertEqual(len(children), 5)
    [root] = [span for span, parent in children.items() if parent == CALLER]
    questions = [span for span, parent in children.items() if parent == root]
    t.assertEqual(len(questions), 2)
    answers = [parent for parent in children.values() if parent in questions]
    t.assertEqual(sorted(answers), sorted(questions))

with subtest("who may send spans may ask nothing"):
    for path in ["", "select/jaeger/api/services", "insert/opentelemetry/v1/traces"]:
        code = n1.succeed(f"curl -s -o /dev/null -w '%{{http_code}}' {COLLECTOR}/{path}")
        t.assertEqual(code, "404", path)

with subtest("the id is in the journals of all nodes"):
    for node in NODES.values():
        node.succeed("journalctl --sync")
        node.succeed(f"journalctl --boot --output=json TRACE_ID={TRACE} | grep -q .")
