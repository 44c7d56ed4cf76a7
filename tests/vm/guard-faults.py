LEDGER = "/var/lib/uecho-guard/ledger.json"
KILLS = 5


def deploy_bad() -> None:
    """Switch to the bad version as if it were not known to be bad."""
    idle()
    machine.succeed(f"uecho-guard release {BAD}")
    deploy(BAD)


start_all()
machine.wait_for_unit("multi-user.target")
machine.succeed(f"nix-env --profile {PROFILE} --set {V1}")
verdict(V1, 0)

with subtest("nothing to go back to: said, and left running"):
    idle()
    machine.succeed("rm --recursive --force /var/lib/uecho-guard/* /nix/var/nix/gcroots/uecho-guard")
    deploy(BAD)
    verdict(BAD, 5)
    runs(BAD)
    idle()
    t.assertEqual(machine.execute("uecho-guard rollback >&2")[0], 5)
    deploy(V1)
    verdict(V1, 0)

with subtest(f"killed at {KILLS} moments of a rollback: it always ends on the good version"):
    for number in range(KILLS):
        deploy_bad()
        machine.wait_until_succeeds(AT_WORK, timeout=120)
        machine.succeed(f"sleep {0.4 * number}")
        machine.execute("systemctl kill --signal=KILL uecho-guard.service")
        verdict(V1, 3)
        runs(V1)
        serves("v1", V1)
        refused(BAD)

with subtest("two at once: the second says who the first is"):
    idle()
    machine.succeed("systemd-run --quiet --unit=first uecho-guard verify --soak 5m")
    machine.wait_until_succeeds("uecho-guard status | grep 'at work'", timeout=60)
    code, said = machine.execute("uecho-guard verify 2>&1")
    t.assertEqual(code, 75)
    t.assertRegex(said, r"another guard is running: process \d+, for .*: verifying what runs")
    machine.succeed("systemctl stop first.service")

with subtest("a truncated ledger is set aside; the previous copy still knows what is bad"):
    idle()
    machine.succeed(f"truncate --size=100 {LEDGER}")
    t.assertEqual(machine.execute(f"uecho-guard preflight {BAD}")[0], 6)
    machine.succeed("uecho-guard verify --soak 1s >&2", f"test -e {LEDGER}.corrupt")
    refused(BAD)

with subtest("a ledger that is lost altogether is rebuilt from what is pinned and what runs"):
    idle()
    machine.succeed(f"rm --force {LEDGER}.previous", f"truncate --size=100 {LEDGER}")
    deploy(BAD)
    verdict(V1, 3)
    runs(V1)

with subtest(
    "garbage collection may take a bad version, never the last good one, not even while the bad one runs"
):
    deploy(V2)
    verdict(V2, 0)
    idle()
    machine.succeed(f"uecho-guard release {BAD}")
    hold()
    deploy(BAD)
    machine.succeed(f"nix-env --profile {PROFILE} --delete-generations old")
    dead = machine.succeed("nix-store --gc --print-dead 2>/dev/null").split()
    t.assertNotIn(V2, dead)
    let_go()
    verdict(V2, 3)
    machine.succeed(f"nix-env --profile {PROFILE} --delete-generations old")
    dead = machine.succeed("nix-store --gc --print-dead 2>/dev/null").split()
    t.assertIn(BAD, dead)
    t.assertNotIn(V2, dead)

with subtest("a full disk: the bad version is left behind all the same, and remembered"):
    idle()
    machine.succeed(f"uecho-guard release {BAD}")
    machine.succeed(
        "systemctl stop uecho-guard.path",
        "mkdir /run/small",
        "mount --types tmpfs --options size=64k tmpfs /run/small",
    )
    machine.succeed(
        "cp --archive /var/lib/uecho-guard/. /run/small/", "mount --bind /run/small /var/lib/uecho-guard"
    )
    machine.execute("dd if=/dev/zero of=/run/small/fill bs=1k")
    machine.succeed("systemctl start uecho-guard.path")
    deploy(BAD)
    verdict(V2, 3)
    runs(V2)
    t.assertEqual(machine.execute(f"uecho-guard preflight {BAD}")[0], 6)
    machine.succeed("umount /var/lib/uecho-guard", "umount /run/small")
