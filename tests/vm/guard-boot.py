import time


def install(version: str) -> None:
    """Install a system for the next boot, as `nixos-rebuild boot` does."""
    idle()
    machine.succeed(
        f"nix-env --profile {PROFILE} --set {version}", f"{version}/bin/switch-to-configuration boot >&2"
    )


def booted(version: str, code: int) -> str:
    """Wait for the verdict on this boot, and assert that all later boots will be of the version that runs
    now.
    """
    before["activation"] = ""
    reason = verdict(version, code)
    now = status()
    t.assertEqual((now["running"], now["booted"]), (version, version))
    t.assertEqual((now["boot_default"], now["boot_once"]), (version, None))
    machine.succeed(f"test $(readlink --canonicalize {PROFILE}) = {version}")
    return reason


machine.start(allow_reboot=True)

with subtest("the first boot makes what was booted the default"):
    machine.wait_for_unit("multi-user.target")
    booted(V1, 0)
    t.assertTrue(status()["boot_control"])

for kind, bad in {"panics": PANICS, "hangs": HANGS, "stuck": STUCK, "another": ANOTHER}.items():
    with subtest(
        f"a version that is bad ({kind}) gets one boot, and the machine comes back with the good one"
    ):
        install(bad)
        t.assertEqual((status()["boot_default"], status()["boot_once"]), (V1, bad))
        begin = time.monotonic()
        machine.reboot()
        machine.wait_for_unit("multi-user.target")
        reason = booted(V1, 3)
        print(f"{kind}: proven back {time.monotonic() - begin:.0f} s after the reboot: {reason}")
        serves("v1", V1)
        refused(bad)

    with subtest(f"and stays with it ({kind})"):
        machine.reboot()
        machine.wait_for_unit("multi-user.target")
        booted(V1, 0)

with subtest("a good version gets one boot, and is the default from then on"):
    install(V2)
    t.assertEqual((status()["boot_default"], status()["boot_once"]), (V1, V2))
    for _ in range(2):
        machine.reboot()
        machine.wait_for_unit("multi-user.target")
        booted(V2, 0)
        serves("v2", V2)
