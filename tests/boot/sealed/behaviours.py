"""What versions do: each behaviour is files that a version has in its /etc, and in its initrd, instead of and
beside those of a good one.
"""

from dataclasses import dataclass, field

from stand_in import BLOB, GUARD

CRASH = "echo c >/proc/sysrq-trigger"
FAULT = "systemd/system/lab-fault.service"
# The watchdog's driver comes with the other hardware, and then the service manager has to begin to feed it.
FED = "until read state </sys/class/watchdog/watchdog0/state && test $$state = active; do sleep 1; done"
# Shorter than that of the stand-in, so that a hanging boot takes less of the lab's time.
SOONER = "JobTimeoutSec=45s\n"
# A check passes on the first look, and reads the file on the second one: the version is in its soak then.
LATE_CHECK = """\
[[checks]]
name = "late"
command = [
  "/bin/sh", "-c",
  "looked=/run/uecho-guard/looked; test ! -e $looked || cat /%s >/dev/null; touch $looked",
]
timeout = "20s"
"""


@dataclass(frozen=True)
class Behaviour:
    """Paths from /etc, and from the root of the initrd, to texts."""

    etc: dict[str, str] = field(default_factory=dict)
    initrd: dict[str, str] = field(default_factory=dict)


def fault(script: str, after: str = "") -> str:
    """Return a unit that runs a script as early as it can, in this stage of a boot."""
    return f"""\
[Unit]
DefaultDependencies=no
After={after}

[Service]
Type=oneshot
ExecStart=/bin/sh -c '{script}'
"""


def in_stage_2(script: str) -> Behaviour:
    """Run a script before any service of the machine."""
    return Behaviour(
        etc={
            FAULT: fault(script, "systemd-journald.service local-fs.target"),
            "systemd/system/sysinit.target.d/lab-fault.conf": "[Unit]\nWants=lab-fault.service\n",
        }
    )


def in_stage_1(script: str, target: str = "") -> Behaviour:
    """Run a script in the initrd, which does not end before it, with further settings of that end; what the
    journal has goes to the serial port, because it is lost with the boot.
    """
    return Behaviour(
        initrd={
            f"etc/{FAULT}": fault(script),
            # Read after lab.conf of the stand-in.
            "etc/systemd/system/initrd.target.d/zz-fault.conf": (
                f"[Unit]\nRequires=lab-fault.service\nAfter=lab-fault.service\n{target}"
            ),
            "etc/systemd/journald.conf.d/lab-fault.conf": (
                "[Journal]\nForwardToConsole=yes\nMaxLevelConsole=warning\n"
            ),
        }
    )


BEHAVIOURS = {
    "good": Behaviour(),
    # On trial for long enough to be asked something meanwhile.
    "slow": Behaviour(etc={"uecho/guard.toml": GUARD.replace('soak = "5s"', 'soak = "90s"')}),
    "wrong": Behaviour(etc={"uecho/uecho.toml": 'system = "another-version"\n'}),
    "panic": in_stage_2(CRASH),
    "panic-in-initrd": in_stage_1(CRASH),
    "hang-in-initrd": in_stage_1("sleep infinity", SOONER),
    # PID 1 takes that for a crash of its own, and stops for good.
    "freeze-in-initrd": in_stage_1(f"{FED}; kill -SEGV 1; sleep infinity"),
    "late": Behaviour(etc={"uecho/guard.toml": f"{GUARD}{LATE_CHECK % BLOB}"}),
}
