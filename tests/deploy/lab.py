"""A simulated machine to deploy to: ssh, nix and systemctl are stand-ins; `uecho-deploy`, the service and
`uecho-guard` are real.

This needs bash and built programs (`uecho` at UECHO_BIN, else in target/release or target/debug;
`uecho-guard` and `uecho-deploy` beside it). The stand-in for ssh runs systems that are folders with the names
of store paths. Switching to one ends the running service and starts the service of that system, so every
proof is about answers over HTTP. Every machine listens on a loopback port of its own.

The guard of the machine cannot check such systems. A script does what the guard would have done, and writes
the verdict where the guard writes it; the real `uecho-guard` then reports that verdict and its ledger.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ["uecho", "uecho-guard", "uecho-deploy"]


def program() -> Path:
    candidates = [os.environ.get("UECHO_BIN"), ROOT / "target/release/uecho", ROOT / "target/debug/uecho"]
    for candidate in candidates:
        if candidate and all(Path(candidate).with_name(name).is_file() for name in PROGRAMS):
            return Path(candidate).resolve()
    sys.exit(f"test_deploy: no folder has {', '.join(PROGRAMS)}: cargo build, or set UECHO_BIN")


UECHO = program()
GUARD = UECHO.with_name("uecho-guard")
DEPLOY = UECHO.with_name("uecho-deploy")

NIX = """
echo "$*" >>"$LAB/nix"
echo "$NIX_CONFIG" >"$LAB/nix-config"
case "$1" in
  build) echo "nix build" >>"$LAB/calls"; [ ! -e "$LAB/no-build" ] || exit 1; cat "$LAB/new" ;;
  eval) echo "nix eval" >>"$LAB/calls"; cat "$LAB/revision" ;;
  store) [ "$2" = cat ] || exit 99; last=${*: -1}; cat "$LAB/store/${last#/nix/store/}" ;;
  copy)
    echo "nix copy" >>"$LAB/calls"
    echo "$NIX_SSHOPTS" >"$LAB/copy-options"
    [ ! -e "$LAB/no-copy" ] || exit 1
    ;;
  *) echo "unexpected: nix $*" >&2; exit 99 ;;
esac
"""

# A local shell runs the commands for the machine, with the tools of the machine first in PATH.
SSH = """
set -o pipefail
: >"$LAB/options"
while [ "${1#-}" != "$1" ]; do
  case $1 in
    -O) echo "ssh -O $2 $3" >>"$LAB/calls"; exit ;;
    -o | -i | -p) printf '%s %s\n' "$1" "$2" >>"$LAB/options"; shift 2 ;;
    *) printf '%s\n' "$1" >>"$LAB/options"; shift ;;
  esac
done
# In a fleet, each host is a machine of its own.
if [ -n "${FLEET-}" ]; then
  export LAB=$FLEET/${1#*@}
  [ ! -e "$LAB/environment" ] || . "$LAB/environment"
fi
[ ! -e "$LAB/no-ssh" ] || exit 255
echo "ssh $1" >>"$LAB/calls"
shift
there="s,/run/current-system/sw/bin/,,g; s,/run/current-system,$LAB/current,g; s,/nix/store/,$LAB/store/,g"
PATH=$LAB/machine:$PATH bash -c "$(sed "$there" <<<"$*")" |
  sed --unbuffered "s,$(readlink --canonicalize "$LAB")/store/,/nix/store/,g; s,$LAB/store/,/nix/store/,g"
"""

# Only of the unit of a rollout there is one at a time. What a switch starts would keep this lock for ever.
SYSTEMD_RUN = """
while [ "${1#--}" != "$1" ]; do
  case $1 in --unit=*) unit=${1#--unit=} ;; --description=*) description=${1#--description=} ;; esac
  shift
done
if [ "$unit" = uecho-rollout.service ]; then
  exec 9>"$LAB/rollout.lock"
  flock --nonblock 9 || { echo "Unit $unit was already loaded" >&2; exit 1; }
  read -r uptime _ </proc/uptime
  printf 'ActiveState=active\nActiveEnterTimestampMonotonic=%s0000\nDescription=%s\n' \
    "${uptime/./}" "$description" >"$LAB/rollout-unit"
  "$@" <&0 &
  echo $! >"$LAB/rollout-pid"
  wait $!
  # Whoever lets go of the lock waits for the end of the unit.
  sleep 0.5
  touch "$LAB/rollout-over"
  exit
fi
exec "$@"
"""

SYSTEMCTL = """
[ ! -e "$LAB/no-systemctl" ] || exit 1
case "$*" in
  "show --property=LoadState,ActiveState uecho-guard.path") cat "$LAB/guard-unit" ;;
  "show --property=ActiveState,ActiveEnterTimestampMonotonic,Description uecho-rollout.service")
    ! flock --nonblock "$LAB/rollout.lock" true || { echo ActiveState=inactive; exit; }
    cat "$LAB/rollout-unit"
    ;;
  *) exit 99 ;;
esac
"""

GUARD_PROGRAM = """
[ ! -e "$LAB/no-guard" ] || { cat "$LAB/no-guard"; exit; }
exec "$GUARD" --config "$LAB/guard.toml" "$@"
"""

NIX_ENV = """
[ "$1 $2 $3" = "--profile /nix/var/nix/profiles/system --set" ] || exit 99
ln -sfn "$4" "$LAB/profile"
"""

SWITCH = """
echo "switch ${1}: %(name)s" >>"$LAB/calls"
%(before)s
if [ -e "$LAB/pid" ]; then
  kill "$(cat "$LAB/pid")" 2>/dev/null
  while kill -0 "$(cat "$LAB/pid")" 2>/dev/null; do sleep 0.05; done
fi
ln -sfn "%(path)s" "$LAB/current"
export UECHO_PUBLIC__LISTEN=127.0.0.1:$PORT UECHO_OPS__LISTEN=127.0.0.1:0 UECHO_SYSTEM=%(system)s
setsid "$UECHO" serve >/dev/null 2>&1 </dev/null &
echo $! >"$LAB/pid"
%(after)s
exit %(status)s
"""

# What the guard does after a switch: perhaps another switch, and its verdict on the version that then runs.
VERDICT = """
[ -n "${GUARD_AT_WORK-}" ] || setsid bash -c '
  sleep 0.5
  %(deed)s
  activation=$(readlink --canonicalize "$LAB/current")@$(stat --format=%%.9Z#%%i "$LAB/current")
  echo "{\\"at\\": \\"2026-11-22T00:00:00Z\\", \\"code\\": %(code)s, \\"outcome\\": \\"%(outcome)s\\",
    \\"version\\": \\"$(readlink --canonicalize "$LAB/current")\\", \\"text\\": \\"%(text)s\\",
    \\"activation\\": \\"$activation\\"}" >"$LAB/guard/verdict.new"
  mv "$LAB/guard/verdict.new" "$LAB/guard/verdict.json"
' >/dev/null 2>&1 </dev/null &
"""


class Lab(unittest.TestCase):
    def setUp(self) -> None:
        self.lab = Path(tempfile.mkdtemp(prefix="uecho-deploy-"))
        self.addCleanup(shutil.rmtree, self.lab)
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.port = unused.getsockname()[1]
        for folder in ["bin", "guard", "machine", "state", "store"]:
            (self.lab / folder).mkdir()
        self.command("bin/nix", NIX)
        self.command("bin/ssh", SSH)
        self.command("machine/systemd-run", SYSTEMD_RUN)
        self.command("machine/nix-env", NIX_ENV)
        self.command("machine/systemctl", SYSTEMCTL)
        self.command("machine/uecho-guard", GUARD_PROGRAM)
        (self.lab / "guard.toml").write_text(
            f'state_dir = "{self.lab}/state"\nruntime_dir = "{self.lab}/guard"\n'
        )
        self.guard_is(on=False)
        self.environment = {
            # The program reads UECHO_* as settings.
            **{name: value for name, value in os.environ.items() if not name.startswith("UECHO_")},
            "GUARD": str(GUARD),
            "LAB": str(self.lab),
            "PATH": f"{self.lab}/bin:{os.environ['PATH']}",
            "PORT": str(self.port),
            "UECHO": str(UECHO),
        }
        (self.lab / "revision").write_text("unknown")
        self.system("old")
        self.assertEqual(self.switch("old"), 0)
        self.addCleanup(self.stop)
        (self.lab / "calls").unlink()

    def command(self, name: str, text: str) -> None:
        path = self.lab / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/usr/bin/env bash\n{textwrap.dedent(text)}")
        path.chmod(0o755)

    def guard_is(self, *, on: bool, load: str = "loaded") -> None:
        """Set whether the guard's path unit is active, and its load state."""
        state = "active" if on else "inactive"
        (self.lab / "guard-unit").write_text(f"LoadState={load}\nActiveState={state}\n")

    def verdict(self, code: int, outcome: str, text: str = "because", *, deed: str = "") -> str:
        """Return what the guard does after a switch, for `system(after=...)`."""
        return VERDICT % {"code": code, "outcome": outcome, "text": text, "deed": deed}

    def back_to(self, name: str) -> str:
        """Return the switch that the guard makes."""
        return f"GUARD_AT_WORK=yes {self.path(name)}/bin/switch-to-configuration switch"

    def quarantine(self, name: str, reason: str) -> None:
        verdict = {"at": "2026-11-22T00:00:00Z", "healthy": False, "reason": reason, "seconds": 1.5}
        entry = {"state": "quarantined", "first_seen": "2026-11-22T00:00:00Z", "last_verdict": verdict}
        ledger = {"schema": 1, "versions": {str(self.path(name).resolve()): entry}}
        (self.lab / "state/ledger.json").write_text(json.dumps(ledger))

    def system(
        self, name: str, *, serves: str | None = None, status: int = 0, before: str = "", after: str = ""
    ) -> None:
        """Make a system with this label, which serves as itself (or as another) after a switch to it."""
        path = self.path(name)
        values = {
            "name": name,
            "path": path,
            "system": serves or self.identity(name),
            "status": status,
            "before": before,
            "after": after,
        }
        self.command(f"{path}/bin/switch-to-configuration", SWITCH % values)
        (path / "nixos-version").write_text(name)
        (self.lab / name).write_text(f"/nix/store/{path.name}\n")

    def path(self, name: str) -> Path:
        """Return the path of a system."""
        return self.lab / "store" / f"{self.hash(name)}-nixos-system-{name}"

    def hash(self, name: str) -> str:
        return hashlib.sha256(name.encode()).hexdigest()[:32]

    def identity(self, name: str) -> str:
        """Return the name of a system in its receipts."""
        return f"{name}+{self.hash(name)}"

    def switch(self, name: str) -> int:
        program = self.path(name) / "bin/switch-to-configuration"
        return subprocess.run([program, "switch"], env=self.environment, check=False).returncode

    def wait_for(self, path: Path) -> None:
        end = time.monotonic() + 10
        while not path.exists():
            self.assertLess(time.monotonic(), end, f"{path} does not appear")
            time.sleep(0.05)

    def stop(self) -> None:
        try:
            os.kill(int((self.lab / "pid").read_text()), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass

    def deploy(self, *arguments: str) -> tuple[int, str]:
        running = self.start_deploy(*arguments)
        _, said = running.communicate(timeout=120)
        return running.returncode, said

    def start_deploy(self, *arguments: str) -> "subprocess.Popen[str]":
        default = ["--url", f"http://127.0.0.1:{self.port}", "--wait", "4", "--verdict", "8", "machine"]
        return subprocess.Popen(
            [DEPLOY, *(arguments or default)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def calls(self) -> list[str]:
        path = self.lab / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def nix(self, command: str) -> str:
        """Return the last call of a command of Nix."""
        return next(
            line for line in reversed((self.lab / "nix").read_text().splitlines()) if line.startswith(command)
        )

    def current(self) -> str:
        """Return the label of the system that runs."""
        return Path(os.readlink(self.lab / "current")).name.rpartition("-")[2]

    def installed(self) -> str:
        """Return the label of the system that the profile points to."""
        return Path(os.readlink(self.lab / "profile")).name.rpartition("-")[2]
