# Faults of the guard itself: it is killed at every step, two of them run at once, its ledger is damaged or
# cannot be written, and garbage is collected meanwhile.
import json

LEDGER = "/var/lib/uecho-guard/ledger.json"
# The beginnings of the command lines that the guard runs at its steps.
LOOK = "systemctl show --property=InvocationID"
PROFILE = "nix-env --profile"
SWITCH = "systemd-run"
WAIT = "systemctl show --property=ActiveState,Job"
FORGET = "systemctl --quiet stop"

start_all()
machine.wait_for_unit("uecho.socket")


def make(label, kind="good"):
    return machine.succeed(f"uecho-toplevel make {label} {kind}").strip()


def deploy(version):
    machine.execute(f"uecho-toplevel deploy {version}")


def verdict():
    """Return exit code and version of the guard's last verdict, when the guard is at rest."""
    last = json.loads(machine.succeed("uecho-toplevel verdict"))
    print(f"  {last['code']}: {last['version'].split('-')[-1]}: {last['text']}")
    return last["code"], last["version"]


def running():
    return machine.succeed("readlink -f /run/current-system").strip()


def refused(version):
    return machine.execute(f"uecho-guard preflight {version}")[0] == 6


def guard_is_at_work():
    machine.wait_until_succeeds(
        "systemctl show --value --property=ActiveState uecho-guard.service | grep -qx activating", timeout=60
    )


with subtest("without a version to go back to, the guard reports that and leaves the system running"):
    hopeless = make("hopeless", "unready")
    machine.succeed(f"ln -sfn {hopeless} /run/booted-system")
    deploy(hopeless)
    t.assertEqual(verdict(), (5, hopeless))
    t.assertEqual(running(), hopeless)
    t.assertEqual(machine.execute("uecho-guard rollback")[0], 5)

with subtest("the first good version is blessed, although the guard is killed twice while it checks"):
    v1 = make("v1")
    machine.succeed(f"uecho-steps set 'before {LOOK}' 'after {LOOK}'")
    deploy(v1)
    t.assertEqual(verdict(), (0, v1))
    t.assertEqual(machine.succeed("uecho-steps left"), "")

# one rollback each; the next guard continues where the one before it was killed
for number, steps in enumerate(
    [
        [
            f"before {LOOK}",
            f"before {PROFILE}",
            f"after {PROFILE}",
            f"before {WAIT}",
            f"before {SWITCH}",
            f"past {SWITCH}",
            f"before {WAIT}",
        ],
        [f"after {LOOK}", f"after {SWITCH}", f"before {LOOK}", f"after {LOOK}"],
        [f"past {SWITCH}", f"before {FORGET}", f"before {LOOK}"],
    ]
):
    kills = sum(not step.startswith("past") for step in steps)
    with subtest(f"killed at {kills} steps of a rollback: it ends on the good version, and reports that"):
        bad = make(f"bad{number}", "wrong")
        quoted = " ".join(f"'{step}'" for step in steps)
        machine.succeed(f"uecho-steps set {quoted}")
        deploy(bad)
        t.assertEqual(verdict(), (3, v1))
        t.assertEqual(machine.succeed("uecho-steps left"), "", "the guard has reached every step")
        machine.succeed(
            f"uecho probe --expect-system $(uecho-toplevel identity {v1});"
            f" python3 -m json.tool {LEDGER} > /dev/null"
        )
        t.assertTrue(refused(bad))
machine.succeed("uecho-steps off")
t.assertEqual(
    machine.succeed(
        "journalctl -b -u uecho-guard.service -o cat | grep -c code=killed,.status=9/KILL"
    ).strip(),
    "14",
)

with subtest(
    "killed right after it reported the rollback: the good version stays, and the bad one is remembered"
):
    bad = make("bad-end", "wrong")
    told = "journalctl -b -f -n 0 -t uecho-guard -o json --output-fields=EVENT,FROM"
    machine.succeed(
        "systemd-run --quiet --unit=uecho-kill bash -c"
        f" \"grep -q -m1 -e 'rolled_back.*bad-end' -e 'bad-end.*rolled_back' <({told});"
        ' systemctl kill --signal=KILL uecho-guard.service"; sleep 1'
    )
    deploy(bad)
    code, version = verdict()
    # the kill comes before or after the verdict; the next guard then finds a good version that runs
    t.assertEqual((code in {0, 3}, version), (True, v1))
    machine.wait_until_fails("systemctl is-active uecho-kill.service", timeout=30)
    t.assertEqual((running(), refused(bad)), (v1, True))

with subtest(
    "its unit is stopped during the rollback: the switch continues, and the next guard completes the rollback"
):
    bad = make("bad-stop", "wrong")
    deploy(bad)
    machine.wait_until_succeeds(
        "journalctl -b -t uecho-guard -o json --output-fields=EVENT,FROM |"
        " grep rollback_started | grep -q bad-stop",
        timeout=60,
    )
    machine.succeed("systemctl stop uecho-guard.service")
    machine.succeed("systemctl start --no-block uecho-guard.service")
    t.assertEqual(verdict(), (3, v1))
    t.assertEqual(running(), v1)

with subtest("a second switch before the verdict: the later version is judged, too"):
    v2, bad = make("v2"), make("bad-later", "receipt")
    deploy(v2)
    guard_is_at_work()
    deploy(bad)
    t.assertEqual(verdict(), (3, v1))
    t.assertEqual((refused(bad), refused(v2)), (True, False))

with subtest("two guards at once: the second names the first"):
    machine.succeed("systemd-run --quiet --unit=first uecho-guard verify --soak 20s")
    machine.wait_until_succeeds("uecho-guard status | grep -q 'at work'", timeout=30)
    code, text = machine.execute("uecho-guard verify 2>&1")
    t.assertEqual(code, 75)
    t.assertRegex(text, r"another guard is running: process \d+, for \d+m?s: verifying what runs")
    machine.succeed("systemctl stop first.service")

with subtest("a truncated ledger is set aside; the previous copy still names the bad versions"):
    machine.succeed(f"truncate -s 100 {LEDGER}")
    code, text = machine.execute(f"uecho-guard preflight {bad} 2>&1")
    t.assertEqual(code, 6, text)
    t.assertIn("rebuilt from the previous copy", text)
    t.assertEqual(machine.execute("uecho-guard verify --soak 1s")[0], 0)
    machine.succeed(f"test -e {LEDGER}.corrupt; python3 -m json.tool {LEDGER} > /dev/null")

with subtest("a ledger that is lost completely is rebuilt from the running system"):
    machine.succeed(f"rm {LEDGER}.previous; truncate -s 100 {LEDGER}")
    worse = make("worse", "wrong")
    deploy(worse)
    t.assertEqual(verdict(), (3, v1))

with subtest("garbage collection takes the bad ones and old generations, never the last good one"):
    deploy(v2)
    t.assertEqual(verdict(), (0, v2))
    bad = make("bad-gc", "unready")
    deploy(bad)
    machine.succeed(
        "nix-env --profile /nix/var/nix/profiles/system --delete-generations"
        " old; nix-store --gc 2>&1 | tail -1"
    )
    machine.succeed(f"test -e {v2}/bin/switch-to-configuration")
    # the booted version is among the removed ones: the way back must not depend on it
    machine.fail(f"test -e {worse} || test -e {hopeless}")
    t.assertEqual(verdict(), (3, v2))
    machine.succeed(f"uecho probe --expect-system $(uecho-toplevel identity {v2})")

with subtest("a full disk: the guard goes back from a bad version, and remembers it until there is space"):
    machine.succeed(
        "systemctl stop uecho-guard.path; mkdir /run/small; mount -t tmpfs -o size=64k tmpfs /run/small"
    )
    machine.succeed("cp -a /var/lib/uecho-guard/. /run/small/; mount --bind /run/small /var/lib/uecho-guard")
    machine.execute("dd if=/dev/zero of=/run/small/fill bs=1k 2>/dev/null")
    full = make("bad-full", "wrong")
    machine.succeed("systemctl start uecho-guard.path")
    deploy(full)
    t.assertEqual(verdict(), (3, v2))
    # the ledger is in /run, or where the previous copy has made room
    t.assertEqual(machine.execute(f"uecho-guard preflight {full}")[0], 6)
    machine.succeed("rm /run/small/fill; mount -o remount,ro,bind /var/lib/uecho-guard")
    t.assertEqual(machine.execute(f"uecho-guard release {full}")[0], 0)
    machine.succeed("test -e /run/uecho-guard/ledger.json")
    t.assertEqual(machine.execute(f"uecho-guard preflight {full}")[0], 0)
    machine.succeed("mount -o remount,rw,bind /var/lib/uecho-guard")
    t.assertEqual(machine.execute("uecho-guard verify --soak 1s")[0], 0)
    machine.fail("test -e /run/uecho-guard/ledger.json")
    machine.succeed(f"grep -q bad-full {LEDGER}")
    machine.succeed("umount /var/lib/uecho-guard; umount /run/small")
