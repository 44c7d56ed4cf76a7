# The machine follows signed releases. Only a release that is new, valid, for this machine and signed by a key
# that it knows is followed; one that does not serve is taken back, and not tried again.
import json
import time

SIGN = "ssh-keygen -q -Y sign"
NAMESPACE = "uecho-release"
MANIFEST = "/srv/prod/canary.json"
OLD = "/root/old.json"

start_all()
machine.wait_for_unit("uecho.socket")
machine.wait_for_unit("releases.service")


def make(label, kind="good"):
    """Make a system, move it from the store to the cache; return its path."""
    path = machine.succeed(f"uecho-toplevel make {label} {kind}").strip()
    to_cache(path, "/root/cache.secret")
    machine.succeed(f"nix-store --delete {path}")
    return path


def to_cache(path, key):
    """Without the note that its name follows from its content: who built it has to be trusted."""
    machine.succeed(
        "nix --extra-experimental-features nix-command copy"
        f" --to 'file:///srv/cache?secret-key={key}&compression=none' {path}",
        "sed -i '/^CA:/d' /srv/cache/*.narinfo",
    )


def release(
    system,
    sequence,
    key="/root/first",
    namespace=NAMESPACE,
    wave="canary",
    valid_for="1h",
    machine_name="n1",
    sign=True,
):
    machine.succeed(
        f"uecho-pull manifest --environment prod --wave {wave} --sequence {sequence} --valid-for {valid_for}"
        f" {machine_name}={system} n2={v1} > {MANIFEST}; rm -f {MANIFEST}.sig"
    )
    if sign:
        machine.succeed(f"{SIGN} -f {key} -n {namespace} {MANIFEST}")


def copy(release, to):
    machine.succeed(f"cp {release} {to}; cp {release}.sig {to}.sig")


def poll():
    """Look once, as the timer does; return the exit status, the state in the metrics, and the last words."""
    machine.execute("systemctl start uecho-pull.service")
    machine.succeed("journalctl --sync")
    status = machine.get_unit_property("uecho-pull.service", "ExecMainStatus")
    metrics = machine.succeed("cat /run/uecho-pull/metrics.prom")
    states = [line for line in metrics.splitlines() if line.startswith("uecho_pull_state{")]
    [state] = [line.split('"')[1] for line in states if line.endswith(" 1")]
    words = machine.succeed("journalctl -b -o cat -t uecho-pull -n 1 | cat").strip()
    print(f"{status} {state}: {words}")
    return int(status), state, words


def verdict(code, version):
    last = json.loads(machine.succeed("uecho-toplevel verdict"))
    t.assertEqual((last["code"], last["version"]), (code, version), json.dumps(last))


def running():
    return machine.succeed("readlink -f /run/current-system").strip()


def switches():
    """How many times anything was switched to by a release."""
    return int(
        machine.succeed("journalctl -b -o cat -t uecho-pull | grep -c 'was switched to' || :").strip()
    )


def refused(reason, status=65, state="refused"):
    """The machine looks; nothing changes, and it says why."""
    before, count = running(), switches()
    found = poll()
    t.assertEqual(found[:2], (status, state), found[2])
    t.assertIn(reason, found[2])
    t.assertEqual((running(), switches()), (before, count))


# nix asks no cache, not even one on this machine, while there is no network.
machine.succeed(
    "ip link add net0 type veth peer name net1",
    "ip address add 10.1.1.1/24 dev net0; ip link set net0 up; ip link set net1 up",
)
machine.succeed(
    "for key in first second foreign; do ssh-keygen -q -t ed25519 -N '' -C $key -f /root/$key; done",
    "for key in first second; do"
    f' echo "release namespaces=\\"{NAMESPACE}\\" $(cat /root/$key.pub)"; done > /etc/uecho/allowed_signers',
    "nix-store --generate-binary-cache-key cache-1 /root/cache.secret /root/cache.public",
    "nix-store --generate-binary-cache-key other-1 /root/other.secret /root/other.public",
    'echo "substituters = http://127.0.0.1:8000/cache" >> /etc/nix/nix.conf',
    'echo "trusted-public-keys = $(cat /root/cache.public)" >> /etc/nix/nix.conf',
    # What is not in the cache may be there a moment later.
    'echo "narinfo-cache-negative-ttl = 0" >> /etc/nix/nix.conf',
)

with subtest("the machine runs a version that was installed by hand"):
    v1 = machine.succeed("uecho-toplevel make v1 good").strip()
    machine.succeed(f"ln -sfn {v1} /run/booted-system; uecho-toplevel deploy {v1}")
    verdict(0, v1)

with subtest("no release yet"):
    refused("status 404", 69, "unreachable")

with subtest("a release is followed, and the guard blesses it"):
    v2 = make("v2")
    release(v2, 1)
    t.assertEqual(poll()[:2], (0, "switched"))
    verdict(0, v2)
    t.assertEqual(running(), v2)
    t.assertEqual(poll()[:2], (0, "up_to_date"))
    t.assertEqual(switches(), 1)
    copy(MANIFEST, OLD)

with subtest("a release that does not serve is taken back; ten looks later it was tried once"):
    bad = make("bad", "wrong")
    release(bad, 2)
    t.assertEqual(poll()[:2], (0, "switched"))
    verdict(3, v2)
    for _ in range(10):
        t.assertEqual(poll()[:2], (6, "quarantined"))
    t.assertEqual((running(), switches()), (v2, 2))
    t.assertIn("uecho_pull_sequence 2", machine.succeed("cat /run/uecho-pull/metrics.prom"))

with subtest("what is quarantined is not even fetched again"):
    machine.succeed(
        "for link in /nix/var/nix/profiles/system-*-link; do"
        f' [ "$(readlink -f "$link")" != {bad} ] || rm "$link"; done',
        f"nix-store --delete {bad}",
    )
    t.assertEqual(poll()[:2], (6, "quarantined"))
    machine.fail(f"test -e {bad}")

with subtest("the next one that is good is followed"):
    v3 = make("v3")
    release(v3, 3)
    t.assertEqual(poll()[:2], (0, "switched"))
    verdict(0, v3)

v4 = make("v4")
with subtest("signatures: none, one that is none, a foreign key, one for something else, another text"):
    release(v4, 4, sign=False)
    refused("canary.json.sig: status 404", 69, "unreachable")
    machine.succeed(f"echo nothing > {MANIFEST}.sig")
    refused("no key in /etc/uecho/allowed_signers has signed it")
    release(v4, 4, key="/root/foreign")
    refused("no key in /etc/uecho/allowed_signers has signed it")
    release(v4, 4, namespace="file")
    refused("no key in /etc/uecho/allowed_signers has signed it")
    release(v4, 4)
    machine.succeed(f"sed -i 's/\"sequence\": 4/\"sequence\": 5/' {MANIFEST}")
    refused("no key in /etc/uecho/allowed_signers has signed it")

with subtest("an old release, a changed one, one for others, one that has expired"):
    copy(OLD, MANIFEST)
    refused("its sequence is 1, and this machine has seen 3")
    release(v4, 3)
    refused("sequence 3 was")
    release(v4, 4, wave="all")
    refused("it is for `prod/all`, and this machine follows `prod/canary`")
    release(v4, 4, machine_name="n3")
    refused("it has no system for `n1`, only for `n2`, `n3`")
    release(v4, 4, valid_for="1s")
    time.sleep(3)
    refused("it has expired")

with subtest("a system that no trusted key has signed, and a download that breaks off"):
    stranger = machine.succeed("uecho-toplevel make stranger good").strip()
    to_cache(stranger, "/root/other.secret")
    machine.succeed(f"nix-store --delete {stranger}")
    release(stranger, 4)
    refused("nix-store --realise has ended with", 69, "unreachable")
    release(v4, 5)
    # The nar is half as long as its narinfo says.
    nar = machine.succeed(
        f"sed -n 's/^URL: //p' /srv/cache/$(basename {v4} | cut -c1-32).narinfo"
    ).strip()
    machine.succeed(f"cp /srv/cache/{nar} /root/whole.nar; truncate --size=1000 /srv/cache/{nar}")
    refused("nix-store --realise has ended with", 69, "unreachable")
    machine.fail(f"nix-store --check-validity {v4}")
    machine.succeed(f"cp /root/whole.nar /srv/cache/{nar}")

with subtest("a guard that cannot answer is no guard that says yes"):
    machine.succeed("sed -i '1i wrong = 1' /etc/uecho/guard.toml")
    refused("uecho-guard preflight has ended with 78", 1, "failed")
    machine.succeed("sed -i 1d /etc/uecho/guard.toml")

with subtest("while the guard judges, or somebody deploys, the machine waits"):
    for unit in ["uecho-guard-switch", "uecho-deploy"]:
        machine.succeed(f"systemd-run --quiet --unit={unit} sleep infinity")
        refused("the guard judges another version, or a deployment is under way", 75, "busy")
        machine.succeed(f"systemctl stop {unit}")

with subtest("while other machines are away, this one waits"):
    machine.succeed('echo \'may_drain = "http://127.0.0.1:8000/may-drain"\' >> /etc/uecho/pull.toml')
    refused("other machines are away (404)", 75, "busy")
    machine.succeed("echo > /srv/may-drain")

with subtest("each machine of a wave has its turn"):
    machine.succeed("echo 'window = \"8760h\"' >> /etc/uecho/pull.toml")
    refused("the turn of this machine is in", 0, "waiting")
    machine.succeed("sed -i '/^window/d' /etc/uecho/pull.toml")

with subtest("the second key counts as much as the first one"):
    release(v4, 6, key="/root/second")
    t.assertEqual(poll()[:2], (0, "switched"))
    verdict(0, v4)

with subtest("a newer release of what runs anyway is remembered"):
    copy(MANIFEST, OLD)
    release(v4, 7)
    t.assertEqual(poll()[:2], (0, "up_to_date"))
    copy(OLD, MANIFEST)
    refused("its sequence is 6, and this machine has seen 7")

with subtest("the release goes on to all machines when this one has been well for long enough"):
    machine.succeed("cp /run/uecho-guard/metrics.prom /srv/metrics")

    def promote(bake, release=MANIFEST, metrics="n1=http://127.0.0.1:8000/metrics"):
        return machine.execute(
            f"uecho-pull promote --release {release} --metrics {metrics} --bake {bake} --wave all"
            " --valid-for 2h 2>&1"
        )

    def not_promoted(status, words, *arguments):
        found = promote(*arguments)
        t.assertEqual(found[0], status, found[1])
        t.assertIn(words, found[1])

    not_promoted(75, f"n1: {v4} was blessed", "1h")
    not_promoted(65, "the release has no system for `n4`", "1s", MANIFEST, "n4=http://127.0.0.1:8000/metrics")
    not_promoted(65, "/etc/uecho/pull.toml: the manifest cannot be read", "1s", "/etc/uecho/pull.toml")
    not_promoted(69, "status 404", "1s", MANIFEST, "n1=http://127.0.0.1:8000/nothing")
    machine.succeed(f"sed 's#{v4}#{bad}#' {MANIFEST} > /root/bad.json")
    not_promoted(6, f"n1: {bad} is quarantined", "1s", "/root/bad.json")
    time.sleep(2)
    status, text = promote("1s")
    t.assertEqual(status, 0, text)
    promoted, canary = json.loads(text), json.loads(machine.succeed(f"cat {MANIFEST}"))
    t.assertGreater(promoted["not_after"], canary["not_after"])
    t.assertEqual(promoted, canary | {"wave": "all", "not_after": promoted["not_after"]})

with subtest("a machine that has forgotten what it has seen follows nothing"):
    machine.succeed("echo '{' > /var/lib/uecho-pull/memory.json")
    refused("memory.json", 1, "failed")
