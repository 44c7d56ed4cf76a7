# A release goes over a fleet: uecho-deploy over ssh, with real Nix; HAProxy in front; the guard on each node.
# One that answers wrong ends at the first node, by its guard; one that fails only in what no guard asks for,
# too, since the balancer counts errors (only with ROLLOUT_LONG=1). A good one gets everywhere, and no client
# notices.
import json
import os
import re
import time
from typing import Any

NODES = [n1, n2, n3]
NAMES = ["n1", "n2", "n3"]
URL = "http://192.168.1.100"
LOADS = {"fresh": "--workers 16", "kept": "--keep-alive --workers 8"}
RATE = 100
# A trial begins with the switch: for as long as it drains, the version before is not there for clients.
DRAIN = 3
FANOUTS = "/run/fanouts"
FLEET = "/root/fleet"
LONG = os.environ.get("ROLLOUT_LONG") == "1"
# Seconds for which the fleet is watched after each wave.
BAKE = 20 if LONG else 1


def begin() -> None:
    """Start to ask through the balancer: for echoes, and, ten times a second, for a fan-out."""
    client.succeed("touch /run/load.go")
    for kind, options in LOADS.items():
        client.succeed(
            f"systemd-run --quiet --unit=load-{kind} --property=StandardOutput=truncate:/run/load-{kind}.json"
            f" -- uecho-load --url {URL} {options} --rate {RATE} --requests 1000000 --seconds 600"
            " --timeout 20 --while-file /run/load.go"
        )
    ask = f"curl -s --max-time 20 --output /dev/null --write-out '%{{http_code}}\\n' {URL}/api/v1/fanout/x"
    client.succeed(
        f"systemd-run --quiet --unit=load-fanouts --property=StandardOutput=truncate:{FANOUTS} --"
        f' sh -c "while [ -e /run/load.go ]; do {ask}; sleep 0.1; done"'
    )
    time.sleep(1)


def end(what: str) -> dict[str, dict[str, Any]]:
    """Stop to ask; return, and print, what came of it."""
    client.succeed("rm /run/load.go")
    loads = {}
    for kind in LOADS:
        client.wait_until_fails(f"systemctl is-active load-{kind}.service", timeout=120)
        loads[kind] = json.loads(client.succeed(f"cat /run/load-{kind}.json"))
        shown = {key: value for key, value in loads[kind].items() if key != "receipts"}
        print(f"{what}, {kind}: {shown}")
    client.wait_until_fails("systemctl is-active load-fanouts.service", timeout=60)
    print(f"{what}, fan-outs: {fanouts()}")
    return loads


def fanouts() -> dict[str, int]:
    """How many fan-outs were answered with each status."""
    counted = client.succeed(f"sort {FANOUTS} | uniq --count").split()
    return {status: int(count) for count, status in zip(counted[::2], counted[1::2], strict=True)}


def nothing_lost(loads: dict[str, dict[str, Any]]) -> None:
    t.assertEqual({kind: load["failures"] for kind, load in loads.items()}, {"fresh": {}, "kept": {}})


def release(label: str, kind: str) -> str:
    """Make this version what the flake has; return its path."""
    path: str = client.succeed(f"uecho-toplevel make {label} {kind}").strip()
    versions = f"{FLEET}/versions"
    client.succeed(f"rm -rf {versions}; mkdir {versions}; cp -a {path} {versions}/{label}")
    return path


def identity(path: str) -> str:
    """What the receipts of this version say."""
    return client.succeed(f"uecho-toplevel identity {path}").strip()


def start(unit: str, *more: str) -> None:
    """Begin to deploy to the fleet."""
    client.succeed(
        f"systemd-run --quiet --unit={unit} --remain-after-exit"
        f" --property=StandardError=truncate:/run/{unit} --setenv=HOME=/root --setenv=USER=ci"
        f" --working-directory={FLEET} -- uecho-deploy --fleet fleet.json --wait 60 --verdict 200"
        f" --bake {BAKE} --max-p99 5s {' '.join(more)}"
    )


def ended(unit: str) -> tuple[int, str]:
    """Wait for its end; return the exit status, and what was said."""
    client.wait_until_fails(f"systemctl show --property=SubState {unit} | grep running", timeout=600)
    status = int(client.get_unit_property(f"{unit}.service", "ExecMainStatus"))
    client.succeed(f"systemctl stop {unit}; systemctl reset-failed")
    said = client.succeed(f"cat /run/{unit}")
    print(f"{unit} has ended with {status}:\n{said}")
    return status, said


def running() -> list[str]:
    return [node.succeed("readlink -f /run/current-system").strip() for node in NODES]


def services() -> list[str]:
    """The invocation of the service on each node: another one after each restart."""
    return [node.get_unit_property("uecho.service", "InvocationID") for node in NODES]


def changes() -> list[tuple[str, str, int]]:
    """What HAProxy has noticed so far: node, its new state, and how many are up."""
    lb.succeed("journalctl --sync")
    journal = lb.succeed("journalctl --boot --unit=haproxy.service --output=cat _TRANSPORT=syslog")
    found = re.findall(r"Server nodes/(\w+) is (UP|DOWN), reason: .*?(\d+) active", journal)
    return [(name, state, int(up)) for name, state, up in found]


def state(version: str) -> str:
    """What the guard of the first node thinks of it."""
    ledger = json.loads(n1.succeed("cat /var/lib/uecho-guard/ledger.json"))
    return str(ledger["versions"][version]["state"])


start_all()
# One balancer is enough here; it has the address for clients.
lb.succeed("ip address add 192.168.1.100/24 dev host0")
client.succeed(
    "ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519",
    "echo 'StrictHostKeyChecking accept-new' > /root/.ssh/config",
    f"cd {FLEET}; nix eval --json --file rollout.nix > fleet.json",
)
key = client.succeed("cat /root/.ssh/id_ed25519.pub").strip()
for there in [lb, *NODES]:
    there.succeed(f"mkdir -p /root/.ssh; echo '{key}' > /root/.ssh/authorized_keys")

with subtest("the nodes run a version that was installed by hand"):
    v1 = release("v1", "good")
    for node in NODES:
        t.assertEqual(node.succeed("uecho-toplevel make v1 good").strip(), v1)
        node.succeed(f"ln -sfn {v1} /run/booted-system; systemd-run --quiet uecho-toplevel deploy {v1}")
    for node in NODES:
        last = json.loads(node.succeed("uecho-toplevel verdict"))
        t.assertEqual((last["code"], last["version"]), (0, v1), json.dumps(last))
    client.wait_until_succeeds("curl -sSf http://192.168.1.100:8404/may-drain", timeout=60)
    receipt = client.succeed("curl -sSI http://n1:8080/ | grep -i ^x-uecho-receipt")
    revision = receipt.partition("revision=")[2].partition(";")[0]
    client.succeed(f"printf %s {revision} > {FLEET}/revision")

with subtest("a version that answers wrong ends at the first node, which its guard takes back"):
    bad = release("bad", "wrong")
    before = services()
    begin()
    start("bad")
    status, said = ended("bad")
    loads = end("bad canary")
    t.assertEqual(status, 3, said)
    t.assertEqual(running(), [v1] * 3)
    t.assertEqual(state(bad), "quarantined")
    for line in [f"n1: runs {identity(v1)} as before", "n2: not touched", "n3: not touched"]:
        t.assertIn(line, said)
    t.assertEqual(services()[1:], before[1:])
    for node in NODES[1:]:
        node.fail(f"test -e {bad}")
    for kind, load in loads.items():
        # Wrong answers of the one node, for as long as it was on trial; nothing was refused, cut or late.
        t.assertLessEqual(set(load["failures"]), {"ValueError: not the text that was sent"})
        seconds = load["failed_to_s"] - load["failed_from_s"] + DRAIN
        share = load["failed"] / (load["rate"] * seconds)
        print(f"{kind}: {share:.3f} of the answers in the {seconds:.1f} s of the trial were wrong")
        t.assertLessEqual(share, 1 / len(NODES))
    alert = 'ALERTS{alertname="VersionQuarantined",instance="n1",alertstate="firing"}'
    client.wait_until_succeeds(
        f"curl -sSfG http://127.0.0.1:9090/api/v1/query --data-urlencode 'query={alert}' | grep -F '{bad}'",
        timeout=120,
    )

with subtest("the next attempt is refused before anything is copied"):
    before = services()
    start("again")
    status, said = ended("again")
    t.assertEqual(status, 6, said)
    t.assertEqual((running(), services()), ([v1] * 3, before))

if LONG:
    with subtest("a version that fails in what no guard asks for ends after the first node, and goes back"):
        partial = release("partial", "fanout")
        before = services()
        begin()
        start("partial", "--on-failure revert")
        status, said = ended("partial")
        nothing_lost(end("partial canary"))
        t.assertEqual(status, 1, said)
        t.assertRegex(said, r"the rollout stops: \d+\.\d+ % of \d+ answers were errors, 0\.1 % at most")
        t.assertEqual(running(), [v1] * 3)
        t.assertEqual(state(partial), "blessed")
        for line in [f"n1: reverted, runs {identity(v1)} again", "n2: not touched", "n3: not touched"]:
            t.assertIn(line, said)
        t.assertEqual(services()[1:], before[1:])
        counts = fanouts()
        t.assertEqual(set(counts), {"200", "502"})
        t.assertLess(counts["502"], sum(counts.values()) / len(NODES))

with subtest("a good version gets to all nodes, and no client notices; a second rollout has to wait"):
    v2 = release("v2", "good")
    seen = len(changes())
    begin()
    start("first")
    lb.wait_until_succeeds("systemctl is-active uecho-rollout.service", timeout=30)
    start("second")
    status, said = ended("second")
    t.assertEqual(status, 75, said)
    t.assertRegex(said, r"another rollout is under way: ci@client, process \d+, for \d+ s")
    status, said = ended("first")
    loads = end("good release")
    t.assertEqual(status, 0, said)
    nothing_lost(loads)
    t.assertEqual(fanouts().keys(), {"200"})
    t.assertEqual(running(), [v2] * 3)
    for name in NAMES:
        t.assertIn(f"{URL} serves {identity(v2)} from {name}", said)
        t.assertIn(f"{name}: updated, runs {identity(v2)}", said)
    t.assertEqual(re.findall("wave . of .", said), [f"wave {number} of 3" for number in [1, 2, 3]])
    t.assertEqual(
        changes()[seen:], [(name, state, up) for name in NAMES for state, up in [("DOWN", 2), ("UP", 3)]]
    )
    # As clients have seen it: each node has changed its version once.
    for name in NAMES:
        of_node = [entry for entry in loads["fresh"]["receipts"] if f"instance={name};" in entry["receipt"]]
        versions = [entry["receipt"].partition("system=")[2].partition(";")[0] for entry in of_node]
        t.assertEqual(versions, [identity(v1), identity(v2)])
        t.assertLess(of_node[0]["last_s"], of_node[1]["first_s"])
