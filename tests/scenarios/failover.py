# Two balancers share the address that clients ask. One dies, is cut off, reaches no node, or is stopped for
# maintenance: the other one answers within seconds, and nothing is lost when the first one is back.
import json
import time

BALANCERS = [lb, lb2]
# From fleet.nix.
ADDRESS = "192.168.1.100"
CONFIG = "/etc/keepalived/keepalived.conf"


def has_address(balancer) -> bool:
    return f" {ADDRESS}/" in balancer.succeed("ip -4 address show")


def holder_and_other():
    """Wait until exactly one balancer has the address; return that one first."""
    start = time.monotonic()
    while [has_address(balancer) for balancer in BALANCERS].count(True) != 1:
        t.assertLess(time.monotonic() - start, 60, "not exactly one balancer has the address")
        time.sleep(0.1)
    return sorted(BALANCERS, key=has_address, reverse=True)


def wait_until_ready(balancer) -> None:
    """Wait until the balancer reaches the node, and its keepalived has noticed."""
    balancer.wait_until_succeeds("curl --fail --silent --max-time 1 http://127.0.0.1:8404/up", timeout=60)
    time.sleep(3)


def begin() -> None:
    """Start to ask every 20 ms, over new connections, and wait for the first answers."""
    client.succeed(
        "touch /run/load.go",
        "systemd-run --quiet --unit=load --property=StandardOutput=truncate:/run/load.json -- uecho-load"
        f" --url http://{ADDRESS} --workers 64 --rate 50 --requests 1000000 --seconds 600 --timeout 1"
        " --while-file /run/load.go",
    )
    time.sleep(1)


def end(what: str, most_s: float) -> None:
    """Stop to ask; assert that answers were never away for longer than that."""
    time.sleep(1)
    client.succeed("rm /run/load.go")
    client.wait_until_fails("systemctl is-active load.service", timeout=60)
    load = json.loads(client.succeed("cat /run/load.json"))
    print(f"{what}: {({key: value for key, value in load.items() if key != 'receipts'})}")
    t.assertLessEqual(load["longest_gap_s"], most_s, what)
    if most_s < 0.5:
        t.assertEqual(load["failures"], {}, what)


start_all()
n1.wait_for_unit("uecho.service")
for balancer in BALANCERS:
    balancer.wait_for_unit("haproxy.service")
    balancer.wait_for_unit("keepalived.service")
    wait_until_ready(balancer)
client.wait_until_succeeds(f"curl -sSf --max-time 1 http://{ADDRESS}/hello", timeout=60)

with subtest("HAProxy is killed, and does not come back"):
    holder, other = holder_and_other()
    begin()
    holder.succeed(
        "systemctl mask --runtime --quiet haproxy.service",
        "systemctl kill --signal=KILL haproxy.service; systemctl stop haproxy.service",
    )
    time.sleep(4)
    end("HAProxy killed", 2.5)
    t.assertEqual(holder_and_other(), [other, holder])

with subtest("it comes back: the address stays where it is"):
    begin()
    holder.succeed("systemctl unmask --runtime --quiet haproxy.service; systemctl start haproxy.service")
    wait_until_ready(holder)
    end("HAProxy back", 0.4)
    t.assertEqual(holder_and_other(), [other, holder])

with subtest("the balancer is cut off from the network, and comes back"):
    holder, other = holder_and_other()
    begin()
    holder.block()
    time.sleep(4)
    end("cut off", 1.5)
    assert has_address(other)
    begin()
    holder.unblock()
    time.sleep(4)
    end("healed", 0.4)
    holder_and_other()

with subtest("the balancer reaches no node, though HAProxy runs"):
    holder, other = holder_and_other()
    begin()
    holder.succeed("ip route add unreachable 192.168.1.3/32")
    # HAProxy notices, then keepalived does; meanwhile it answers 503.
    time.sleep(8)
    end("no node", 4.5)
    t.assertEqual(holder_and_other(), [other, holder])
    holder.succeed("ip route delete unreachable 192.168.1.3/32")
    wait_until_ready(holder)

with subtest("maintenance: keepalived is stopped"):
    holder, other = holder_and_other()
    begin()
    holder.succeed("systemctl stop keepalived.service")
    time.sleep(2)
    end("keepalived stopped", 1.0)
    t.assertEqual(holder_and_other(), [other, holder])
    holder.succeed("systemctl start keepalived.service")
    time.sleep(3)
    t.assertEqual(holder_and_other(), [other, holder])

with subtest("the control: while something else says that all is well, the address stays"):
    holder, other = holder_and_other()
    holder.succeed(
        "systemctl mask --runtime --quiet haproxy.service; systemctl stop haproxy.service",
        "mkdir /run/fake; touch /run/fake/up",
        "systemd-run --quiet --unit=fake --working-directory=/run/fake"
        ' -- "$(command -v python3)" -m http.server --bind 127.0.0.1 8404',
    )
    time.sleep(4)
    assert has_address(holder)
    client.fail(f"curl -sSf --max-time 1 http://{ADDRESS}/hello")
    holder.succeed("systemctl stop fake.service")
    client.wait_until_succeeds(f"curl -sSf --max-time 1 http://{ADDRESS}/hello", timeout=30)
    t.assertEqual(holder_and_other(), [other, holder])
