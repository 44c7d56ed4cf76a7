# What the monitoring notices, and how soon: a node that dies, a balancer that stops, a place that asks no
# more, a certificate that is about to expire, and its own end. In healthy minutes, and while all nodes
# restart, nobody hears anything. Every metric that a rule asks for is there.
import json
import re
import time
from itertools import pairwise
from typing import Any
from urllib.parse import quote

NODES = [n1, n2, n3]
MACHINES = [archive, lb, n1, n2, n3, obs]
NOTES = "/run/pager.jsonl"
# How much faster than in earnest all intervals are; see the set-up.
SPEED = int(client.succeed("cat /etc/uecho-alert-speed 2>/dev/null || echo 1"))
# What does not get faster: commands, a busy machine.
SLACK = 4 if SPEED > 1 else 0
# Of the metrics that a rule asks for, those that exist only when something is wrong.
WHEN_BAD = '{state="quarantined"}'
STORE = "/etc/credstore"
SEAL = "uecho-log-archive seal --logs /var/log/journal/remote --chain /var/lib/uecho-log-archive"
UP = 'haproxy_server_status{{proxy="nodes",server="{}",state="UP"}} 1'
# MiB, as nixos/observability.nix has them.
CEILINGS = {"prometheus": 320, "alertmanager": 64, "node": 64}
LEDGER = {
    "schema": 1,
    "last_good": "/nix/store/a-system",
    "reboots": 0,
    "rollbacks": 1,
    "versions": {
        "/nix/store/a-system": {
            "state": "blessed",
            "first_seen": "2020-01-01T00:00:00Z",
            "last_verdict": {"at": "2020-01-01T00:01:00Z", "healthy": True, "reason": "", "seconds": 30.5},
        },
        "/nix/store/b-system": {"state": "quarantined", "first_seen": "2020-01-01T00:00:00Z"},
    },
    "overrides": [],
}


def ask(path: str, **parameters: str) -> Any:
    """What Prometheus answers."""
    query = "&".join(f"{key}={quote(value)}" for key, value in parameters.items())
    answer = obs.succeed(f"curl -sSf --max-time 10 'http://127.0.0.1:9090/api/v1/{path}?{query}'")
    return json.loads(answer)["data"]


def value(query: str) -> float | None:
    """The one value of the query; None if there is none."""
    result = ask("query", query=query)["result"]
    return float(result[0]["value"][1]) if result else None


def wait_for_value(query: str, wanted: float | None, seconds: int = 60) -> None:
    start = time.monotonic()
    while (found := value(query)) != wanted:
        t.assertLess(time.monotonic() - start, seconds, f"{query} is {found}, not {wanted}")
        time.sleep(0.5)


def notes() -> list[dict[str, Any]]:
    """What the pager has received so far."""
    return [json.loads(line) for line in client.succeed(f"cat {NOTES}").splitlines()]


def now() -> float:
    return float(client.succeed("date +%s.%N"))


def heard(alert: str, instance: str, status: str, since: float, seconds: float, done: float = 0) -> str:
    """Wait until the pager hears this. Assert that it does within so many seconds, of the real intervals,
    after `since` or `done`. Return who was told: page or ticket."""
    limit = seconds / SPEED + SLACK
    wanted = (alert, instance, status)
    while True:
        for note in notes():
            if note["when"] > since and (note["alert"], note["instance"], note["status"]) == wanted:
                took = note["when"] - (done or since)
                print(f"{alert} of {instance} is {status} after {took:.1f} s, {limit:.1f} s at most")
                t.assertLess(took, limit)
                return str(note["path"])
        t.assertLess(now() - (done or since), limit + 30, f"{alert} of {instance} is not {status}")
        time.sleep(0.5)


def selectors(query: str) -> set[str]:
    """The metrics that a query asks for, with their matchers."""
    text = re.sub(r"\b(by|on|without|ignoring|group_left|group_right) ?\([^)]*\)", "", query)
    text = re.sub(r"\[[^]]*\]", "", text)
    found = re.findall(r'([a-zA-Z_:][\w:]*)\b(?!\s*\()(\{(?:[^}"]|"[^"]*")*\})?', text)
    return {name + matchers for name, matchers in found} - {"and", "or", "unless", "bool", "offset"}


def guard_says(machine) -> None:
    """Leave what a guard with this ledger would."""
    machine.succeed(
        "mkdir -p /run/test-guard /run/uecho-guard",
        "[ -e /run/current-system ]"
        " || { mkdir -p /nix/store/a-system; ln -s /nix/store/a-system /run/current-system; }",
        f"echo '{json.dumps(LEDGER)}' > /run/test-guard/ledger.json",
        "echo 'state_dir = \"/run/test-guard\"' > /run/guard.toml",
        "uecho-guard --config /run/guard.toml metrics > /run/metrics.new",
        "mv /run/metrics.new /run/uecho-guard/metrics.prom",
    )


# The nodes first: a balancer without nodes gives errors, and these would count for hours.
for node in NODES:
    node.start()
for node in NODES:
    node.wait_for_unit("uecho.service")
lb.wait_for_unit("haproxy.service")
client.succeed(
    f"touch {NOTES}",
    f"systemd-run --quiet --unit=pager -- uecho-pager --file {NOTES} --silence {180 / SPEED}",
)
for machine in MACHINES:
    machine.wait_for_unit("prometheus-node-exporter.service")
    guard_says(machine)
archive.wait_for_unit("nginx.service")
archive.succeed(SEAL)
# There is no release, which the metrics tell.
n1.succeed("systemctl start uecho-pull.service || :")
obs.wait_for_open_port(9090, "127.0.0.1")
obs.wait_for_open_port(9093, "127.0.0.1")
# Enough for a synthetic check that meets a node which drains to be a small share of all answers (see below).
client.succeed(
    "systemd-run --quiet --unit=load -- uecho-load --url http://lb --rate 300 --workers 8 --seconds 3000"
    " --requests 1000000"
)
# Nodes, balancer, machines, Prometheus, Alertmanager, certificate.
wait_for_value("count(up == 1)", 3 + 1 + 6 + 1 + 1 + 1, 120)
wait_for_value("count(uecho_probe_success == 1)", 2)
wait_for_value('count(haproxy_server_status{proxy="nodes",state="UP"} == 1)', 3)
wait_for_value('count(ALERTS{alertstate="firing",alertname!="Watchdog"})', None, 120)
# Four such checks, each answered with 503, are then not yet a thousandth of all answers.
ANSWERS = 'sum(increase(haproxy_backend_http_responses_total{proxy="nodes"}[10m]))'
wait_for_value(f"{ANSWERS} >= bool 4500", 1, 120)

with subtest("healthy minutes, with a restart of all nodes: nobody hears anything"):
    begin = now()
    for node in NODES:
        node.succeed("systemctl restart uecho.service")
        client.wait_until_succeeds(f"curl -sSf http://lb:8404/metrics | grep '{UP.format(node.name)}'")
    time.sleep(max(0, (300 if SPEED == 1 else 20) - (now() - begin)))
    said = [note for note in notes() if note["when"] > begin and note["status"] == "firing"]
    t.assertEqual([note for note in said if note["path"] != "watchdog"], [])

with subtest("every metric of every rule is there"):
    rules = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
    t.assertGreater(len(rules), 25)
    wanted = {selector for rule in rules for selector in selectors(rule["query"])}
    print(f"{len(rules)} rules ask for {len(wanted)} kinds of series")
    missing = [name for name in sorted(wanted) if not value(f"count({name.removesuffix(WHEN_BAD)})")]
    t.assertEqual(missing, [])
    t.assertEqual([rule["name"] for rule in rules if rule["health"] != "ok"], [])

with subtest("every panel of every dashboard has data"):
    panels = []
    for file in obs.succeed("ls /etc/uecho-dashboards").split():
        panels += json.loads(obs.succeed(f"cat /etc/uecho-dashboards/{file}"))["panels"]
    # The others ask what is not here: logs and traces.
    panels = [panel for panel in panels if panel["datasource"]["uid"] == "prometheus"]
    print(f"{len(panels)} panels")
    t.assertGreater(len(panels), 25)
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    answers = {query: ask("query", query=query)["result"] for query in queries}
    t.assertEqual(
        [query for query, found in answers.items() if {one["value"][1] for one in found} <= {"NaN"}], []
    )

with subtest("each process is far from its ceiling of memory"):
    for job, ceiling in CEILINGS.items():
        used = value(f'max(process_resident_memory_bytes{{job="{job}"}})')
        assert used is not None
        print(f"{job}: {used / 2**20:.0f} MiB of {ceiling} MiB")
        t.assertLess(used / 2**20, ceiling * 0.8)

# Noticed while the next one goes on: these take longest.
expiring = now()
archive.succeed(
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 13 -subj /CN=archive"
    " -keyout /run/short.key -out /run/short.cert",
    "mkdir /run/kept",
    f"for kind in key cert; do mv {STORE}/journal-receive.$kind /run/kept; done",
    f"for kind in key cert; do cp /run/short.$kind {STORE}/journal-receive.$kind; done",
    "systemctl restart nginx.service",
)
stale = now()
obs.succeed("systemctl stop uecho-synthetic.timer")

with subtest("a node dies: NodeDown, and clients feel nothing"):
    begin = now()
    n1.crash()
    t.assertEqual(heard("NodeDown", "n1", "firing", begin, 45), "ticket")
    begin = now()
    n1.start()
    n1.wait_for_unit("uecho.service")
    done = now()
    guard_says(n1)
    heard("NodeDown", "n1", "resolved", begin, 30, done)
    t.assertEqual([note for note in notes() if note["alert"] == "SyntheticFails"], [])

with subtest("a place asks no more: SyntheticStale"):
    t.assertEqual(heard("SyntheticStale", "obs", "firing", stale, 120), "ticket")
    begin = now()
    obs.succeed("systemctl start uecho-synthetic.timer")
    heard("SyntheticStale", "obs", "resolved", begin, 30)

with subtest("a certificate is about to expire: CertificateExpires"):
    t.assertEqual(heard("CertificateExpires", "archive", "firing", expiring, 90), "ticket")
    renewed = now()
    archive.succeed(f"mv /run/kept/* {STORE}; systemctl restart nginx.service")

with subtest("the balancer stops: SyntheticFails, in both places"):
    begin = now()
    lb.succeed("systemctl stop haproxy.service")
    for place in ["lb", "obs"]:
        t.assertEqual(heard("SyntheticFails", place, "firing", begin, 45), "page")
    t.assertEqual(heard("BalancerDown", "lb", "firing", begin, 45), "page")
    begin = now()
    lb.succeed("systemctl start haproxy.service")
    for place in ["lb", "obs"]:
        heard("SyntheticFails", place, "resolved", begin, 30)

with subtest("the certificate is renewed, and nobody heard of gaps in the journals meanwhile"):
    heard("CertificateExpires", "archive", "resolved", renewed, 90)
    t.assertEqual([note for note in notes() if note["alert"] in ("JournalGap", "ArchiveBehind")], [])

with subtest("the watchdog gives signs, and its silence is noticed"):
    signs = [note["when"] for note in notes() if note["path"] == "watchdog"]
    longest = max(after - before for before, after in pairwise(signs))
    print(f"{len(signs)} signs of life, {longest:.1f} s apart at most")
    t.assertLess(longest, 60 / SPEED + SLACK)
    t.assertEqual([note for note in notes() if note["path"] == "silence"], [])
    obs.crash()
    begin = now()
    while not [note for note in notes() if note["path"] == "silence"]:
        t.assertLess(now() - begin, 240 / SPEED + SLACK)
        time.sleep(0.5)
