#!/usr/bin/env python3
"""uecho-steps: kill the guard at named steps of its work, which are known by the programs that it runs.

    uecho-steps set STEP...    from now on, SIGKILL at these steps, one after the other
    uecho-steps left           print the steps that were not reached
    uecho-steps off            kill the guard no more

STEP is "before COMMAND" or "after COMMAND" (kill the guard then), or "past COMMAND" (do nothing and continue
with the next step), where COMMAND is the beginning of the command line. The unit of the guard finds stand-ins
for the programs first; a stand-in that is called for the current step does what the step says.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

FOLDER = Path("/run/uecho-steps")
STEPS = FOLDER / "steps"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
DROP_IN = Path("/run/systemd/system/uecho-guard.service.d/steps.conf")
# The guard restarts without the pauses that grow from kill to kill.
UNIT = f"""\
[Service]
Environment=PATH={FOLDER}/bin:{PATH}
ReadWritePaths={FOLDER}
RestartSec=100ms
RestartSteps=0
"""


def arm(steps: list[str]) -> None:
    (FOLDER / "bin").mkdir(parents=True, exist_ok=True)
    for name in ("systemctl", "systemd-run", "nix-env"):
        link = FOLDER / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path(sys.argv[0]).resolve())
    STEPS.write_text("\n".join(steps))
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text(UNIT)
    subprocess.run(["systemctl", "daemon-reload"], check=True)


def disarm() -> None:
    DROP_IN.unlink(missing_ok=True)
    subprocess.run(["systemctl", "daemon-reload"], check=True)


def stand_in(name: str, arguments: list[str]) -> int:
    """Run the program, and do what the step asks for before or after it."""
    command = [shutil.which(name, path=PATH) or name, *arguments]
    when, _, begin = STEPS.read_text().partition("\n")[0].partition(" ")
    if not when or not " ".join([name, *arguments]).startswith(begin):
        os.execv(command[0], command)
    STEPS.write_text(STEPS.read_text().partition("\n")[2])
    guard = os.getppid()
    if when == "before":
        os.kill(guard, signal.SIGKILL)
        return 0
    status = subprocess.run(command, check=False).returncode
    if when == "after":
        os.kill(guard, signal.SIGKILL)
    return status


def main() -> int:
    name = Path(sys.argv[0]).name
    if name != "uecho-steps":
        return stand_in(name, sys.argv[1:])
    match sys.argv[1:]:
        case ["set", *steps] if steps and all(
            step.split(" ")[0] in {"before", "after", "past"} for step in steps
        ):
            arm(steps)
        case ["left"]:
            print(STEPS.read_text(), end="")
        case ["off"]:
            disarm()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
