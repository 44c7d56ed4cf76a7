# Whatever happens to the guard itself: killed at any moment, two at once, its memory damaged or unwritable, garbage collected around it.
import json
import time

LEDGER = "/var/lib/uecho-guard/ledger.json"
KILLS = 8
# the activation that the last verdict was about when something was deployed
before = {"activation": None}

start_all()
machine.wait_for_unit("uecho.socket")


def make(label, kind="good", options=""):
    return machine.succeed(f"uecho-toplevel make {label} {kind} {options}").strip()


def status():
    return json.loads(machine.succeed("uecho-guard status --json"))


def deploy(version):
    before["activation"] = (status()["last_verdict"] or {}).get("activation")
    return machine.execute(f"uecho-toplevel deploy {version}")[0]


def running():
    return machine.succeed("readlink -f /run/current-system").strip()


def settled(version, code):
    """Waits until no guard is at work, nor about to be, and the last word was `code` about `version`."""

    def there(_last):
        active = machine.execute("systemctl show --value --property=ActiveState uecho-guard.service")[1].strip()
        now = status()
        last = now["last_verdict"] or {}
        new = last.get("activation") != before["activation"] and (last.get("version"), last.get("code")) == (version, code)
        return new and active in {"inactive", "failed"} and now["guard"] is None

    try:
        retry(there, 90)
    finally:
        print(f"  {status()['last_verdict']}")


with subtest("nothing to go back to: told, and left running"):
    hopeless = make("hopeless", "unready")
    machine.succeed(f"ln -sfn {hopeless} /run/booted-system")
    deploy(hopeless)
    settled(hopeless, 5)
    t.assertEqual(running(), hopeless)
    t.assertEqual(machine.execute("uecho-guard rollback")[0], 5)

with subtest("the first good version"):
    v1 = make("v1")
    deploy(v1)
    settled(v1, 0)

with subtest(f"killed at {KILLS} moments of a rollback: it always ends on the good version"):
    for number in range(KILLS):
        bad = make(f"bad{number}", "wrong")
        deploy(bad)
        machine.wait_until_succeeds("systemctl show --value --property=ActiveState uecho-guard.service | grep -qx activating", timeout=30)
        time.sleep(0.25 * number)
        machine.execute("systemctl kill --signal=KILL uecho-guard.service")
        machine.wait_until_succeeds(f"test $(readlink -f /run/current-system) = {v1}", timeout=60)
        settled(v1, 3)
        machine.succeed(f"uecho probe --expect-system v1; python3 -m json.tool {LEDGER} > /dev/null")
        t.assertEqual(machine.execute(f"uecho-guard preflight {bad}")[0], 6)

with subtest("its own unit is stopped in the middle of the rollback: the switch goes on, and the next guard ends it"):
    bad = make("bad-stop", "wrong")
    deploy(bad)
    machine.wait_until_succeeds("journalctl -b -t uecho-guard -o json --output-fields=EVENT,FROM | grep rollback_started | grep -q bad-stop", timeout=60)
    machine.succeed("systemctl stop uecho-guard.service")
    machine.succeed("systemctl start --no-block uecho-guard.service")
    settled(v1, 3)
    t.assertEqual(running(), v1)

with subtest("switched again while the verdict is still out: the later version is judged, too"):
    v2, bad = make("v2"), make("bad-later", "receipt")
    deploy(v2)
    machine.wait_until_succeeds("systemctl show --value --property=ActiveState uecho-guard.service | grep -qx activating", timeout=30)
    deploy(bad)
    settled(v1, 3)
    t.assertEqual(machine.execute(f"uecho-guard preflight {bad}")[0], 6)
    t.assertEqual(machine.execute(f"uecho-guard preflight {v2}")[0], 0)

with subtest("two guards at once: the second says who the first is"):
    machine.succeed("systemd-run --quiet --unit=first uecho-guard verify --soak 20s")
    machine.wait_until_succeeds("uecho-guard status | grep -q 'at work'", timeout=30)
    code, text = machine.execute("uecho-guard verify 2>&1")
    t.assertEqual(code, 75)
    t.assertRegex(text, r"another guard is running: process \d+, for \d+m?s: verifying what runs")
    machine.succeed("systemctl stop first.service")

with subtest("a truncated ledger is set aside; the previous copy still knows what is bad"):
    machine.succeed(f"truncate -s 100 {LEDGER}")
    code, text = machine.execute(f"uecho-guard preflight {bad} 2>&1")
    t.assertEqual(code, 6, text)
    t.assertIn("rebuilt from the previous copy", text)
    t.assertEqual(machine.execute("uecho-guard verify --soak 1s")[0], 0)
    machine.succeed(f"test -e {LEDGER}.corrupt; python3 -m json.tool {LEDGER} > /dev/null")

with subtest("a ledger lost altogether is rebuilt from the running system"):
    machine.succeed(f"rm {LEDGER}.previous; truncate -s 100 {LEDGER}")
    worse = make("worse", "wrong")
    deploy(worse)
    settled(v1, 3)

with subtest("garbage collection takes the bad ones and old generations, never the last good one"):
    deploy(v2)
    settled(v2, 0)
    bad = make("bad-gc", "unready")
    deploy(bad)
    machine.succeed("nix-env --profile /nix/var/nix/profiles/system --delete-generations old; nix-store --gc 2>&1 | tail -1")
    machine.succeed(f"test -e {v2}/bin/switch-to-configuration")
    # what was booted is among what is gone: the way back must not depend on it
    machine.fail(f"test -e {worse} || test -e {hopeless}")
    settled(v2, 3)
    machine.succeed("uecho probe --expect-system v2")

with subtest("a full disk: the bad version is left behind all the same, and remembered until there is space"):
    machine.succeed("systemctl stop uecho-guard.path; mkdir /run/small; mount -t tmpfs -o size=64k tmpfs /run/small")
    machine.succeed("cp -a /var/lib/uecho-guard/. /run/small/; mount --bind /run/small /var/lib/uecho-guard")
    machine.execute("dd if=/dev/zero of=/run/small/fill bs=1k 2>/dev/null")
    full = make("bad-full", "wrong")
    machine.succeed("systemctl start uecho-guard.path")
    deploy(full)
    settled(v2, 3)
    # in /run, or where the previous copy has made room
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
