#!/usr/bin/env python3
"""uecho-toplevel: make and use versions of the system, which are real store paths with a real
switch-to-configuration.

    uecho-toplevel make LABEL KIND [KEY=VALUE...]   add a version to the store, print its path
    uecho-toplevel identity PATH                    what its service says as `system` in the receipt
    uecho-toplevel deploy PATH                      what `nixos-rebuild switch` does: set the profile, switch
    uecho-toplevel verdict                          wait until the guard has judged what runs and is idle;
                                                    print its verdict as JSON

KIND is the behaviour of the version's service: good; exit (refuses its configuration), wrong (ready, but the
page is wrong), dies (healthy for two seconds), unready (never ready), receipt (healthy, but says
that it is another version), stale (its receipt has the label of this version and the hash of another one),
crash (ends over and over), newer (good, with a key that today's service does not know), fanout (every fan-out
fails, which no check of the guard asks for).
KEY=VALUE: kernel=TEXT (another kernel), init=panic or init=hang (a boot that does not come up), switch=fail
(its switch-to-configuration fails), message=TEXT.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROFILE = "/nix/var/nix/profiles/system"
UNIT = Path("/usr/lib/systemd/system/uecho.service")
PROGRAM = Path("/usr/bin/uecho")
# This link leads to a store path that is not a version.
STALE = "/run/stale-system"
VERDICT_SECONDS = 180

# It takes the lock, asks the guard, activates and restarts, in the order and with the paths of NixOS.
SWITCH = """\
#!/bin/bash
set -euo pipefail
action=$1
self=$(dirname "$(dirname "$(readlink -f "$0")")")
lock=/run/nixos/switch-to-configuration.lock
if [ -z "${SWITCH_LOCKED:-}" ]; then
  mkdir -p /run/nixos
  # open for writing, and locked by a process that lives as long as the switch: the guard looks for both
  exec 9>>"$lock"
  SWITCH_LOCKED=1 exec flock --nonblock --no-fork --conflict-exit-code 75 "$lock" "$0" "$@"
fi
if [ "$action" != activate-at-boot ] && [ -z "${NIXOS_NO_CHECK:-}" ]; then
  status=0
  /usr/bin/uecho-guard preflight "$self" >&2 || status=$?
  [ "$status" != 6 ] || { echo "pre-switch check failed: uecho-guard" >&2; exit 1; }
fi
@fail@
if [ -d /boot/loader/entries ] && [ "$action" != activate-at-boot ]; then
  # as the boot loader's installer of NixOS does: an entry for each generation, whole or not there, the
  # installed one the default
  put() {
    cat > "$1.tmp"
    cmp --silent "$1.tmp" "$1" && rm "$1.tmp" && return
    sync "$1.tmp"
    mv "$1.tmp" "$1"
  }
  for link in /nix/var/nix/profiles/system-*-link; do
    number=${link#*/system-}
    number=${number%-link}
    {
      printf 'title %s\nlinux /vmlinuz\ninitrd /initrd.img\n' "$(cat "$link/nixos-version")"
      echo "options init=$(readlink -f "$link")/init root=LABEL=root rw console=ttyS0 quiet panic=3"
    } | put "/boot/loader/entries/nixos-generation-$number.conf"
  done
  installed=$(readlink /nix/var/nix/profiles/system)
  installed=${installed#system-}
  printf 'timeout 0\ndefault nixos-generation-%s.conf\n' "${installed%-link}" | put /boot/loader/loader.conf
  sync -f /boot
  # extraInstallCommands
  [ ! -d /run/systemd/system ] || /usr/bin/uecho-guard arm || echo "not armed" >&2
  # the step after the installer of the boot loader
  sync -f /nix/store
fi
case $action in
boot) exit 0 ;;
esac
mkdir -p /etc/uecho
ln -sfn "$self/etc/uecho/uecho.toml" /etc/uecho/uecho.toml
ln -sfn "$self/etc/systemd/system/uecho.service" /etc/systemd/system/uecho.service
ln -sfn "$self" /run/current-system
if [ "$action" = activate-at-boot ]; then
  ln -sfn "$self" /run/booted-system
  exit 0
fi
systemctl daemon-reload
systemctl restart uecho.service || exit 4
"""
# It reports ready to systemd, and answers every request on every socket almost correctly.
WRONG = """\
#!/usr/bin/env python3
import os, socket, threading
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
address = os.environ["NOTIFY_SOCKET"]
notify.sendto(b"READY=1", "\\0" + address[1:] if address.startswith("@") else address)
body = b"<html><body>almost</body></html>"
head = (
    b"HTTP/1.1 200 OK\\r\\nContent-Type: text/html; charset=utf-8\\r\\nConnection: close\\r\\n"
    b"Content-Length: %d\\r\\n\\r\\n" % len(body)
)
def answer(connection):
    try:
        with connection:
            connection.recv(65536)
            connection.sendall(head + body)
    except OSError:
        pass  # the client has gone away
def listen(number):
    listener = socket.socket(fileno=number)
    listener.setblocking(True)
    while True:
        threading.Thread(target=answer, args=listener.accept()[:1], daemon=True).start()
for number in range(int(os.environ["LISTEN_FDS"])):
    threading.Thread(target=listen, args=[3 + number]).start()
"""
DIES = """\
#!/bin/sh
main=$$
(sleep 2; kill -9 $main) &
exec "$(dirname "$(readlink -f "$0")")/uecho-real" "$@"
"""
# A service of a later version, whose configuration the programs of today refuse.
NEWER = """\
#!/bin/sh
bin=$(dirname "$(readlink -f "$0")")
UECHO_CONFIG=$bin/../etc/uecho/of-today.toml exec "$bin/uecho-real" "$@"
"""
# Stage 2: the kernel starts it as `init=`; /run exists already.
INIT = """\
#!/bin/sh
self=$(dirname "$(readlink -f "$0")")
@trouble@
ln -sfn "$self" /run/booted-system
"$self/bin/switch-to-configuration" activate-at-boot
exec /sbin/init
"""
TROUBLE = {
    "good": "",
    # the end of init is a kernel panic
    "panic": "exit 1",
    "hang": "modprobe i6300esb heartbeat=10; exec 3> /dev/watchdog; echo"
    " 'hanging on purpose'; exec sleep infinity",
}
CRASH = """\
#!/bin/sh
exit 1
"""


def make(label: str, kind: str, options: dict[str, str]) -> str:
    """Add a version to the store; return its path."""
    with tempfile.TemporaryDirectory() as directory:
        top = Path(directory) / f"nixos-system-{label}"
        for folder in ("bin", "etc/uecho", "etc/systemd/system"):
            (top / folder).mkdir(parents=True)
        fail = "exit 1" if options.get("switch") == "fail" else ""
        write(top / "bin/switch-to-configuration", SWITCH.replace("@fail@", fail))
        write(top / "init", INIT.replace("@trouble@", TROUBLE[options.get("init", "good")]))
        (top / "nixos-version").write_text(label)
        # Where a machine has its tools.
        (top / "sw").symlink_to("/usr")
        for name in ("kernel", "initrd", "kernel-params"):
            (top / name).write_text(f"{name} {options.get('kernel', 'same')}\n")
        shutil.copy(UNIT, top / "etc/systemd/system/uecho.service")
        unit = top / "etc/systemd/system/uecho.service"
        unit.write_text(unit.read_text().replace(f"{PROGRAM.parent}/", "/run/current-system/bin/"))
        answers = "another-version" if kind == "receipt" else label
        if kind == "stale":
            # the hash in this path is what counts
            Path(STALE).unlink(missing_ok=True)
            Path(STALE).symlink_to(f"/nix/store/{'0' * 32}-nixos-system-{label}")
        current = STALE if kind == "stale" else "/run/current-system"
        config = [
            f'system = "{answers}"',
            f'current_system = "{current}"',
            f'message = "{options.get("message", label)}"',
        ]
        if kind == "newer":
            (top / "etc/uecho/of-today.toml").write_text("\n".join(config) + "\n")
        if kind in {"exit", "newer"}:
            config.append('colour = "green"')
        if kind == "unready":
            config.append('[fanout]\npeers = ["http://127.0.0.1:1"]\nready_policy = "all"')
        if kind == "fanout":
            config.append('[fanout]\npeers = ["http://127.0.0.1:1"]\npolicy = "all"')
        (top / "etc/uecho/uecho.toml").write_text("\n".join(config) + "\n")
        scripts = {"wrong": WRONG, "dies": DIES, "crash": CRASH, "newer": NEWER}
        if kind in scripts:
            write(top / "bin/uecho", scripts[kind])
            if kind in {"dies", "newer"}:
                shutil.copy(PROGRAM, top / "bin/uecho-real")
        else:
            shutil.copy(PROGRAM, top / "bin/uecho")
        added = subprocess.run(
            ["nix-store", "--add", str(top)], check=True, stdout=subprocess.PIPE, text=True
        )
        return added.stdout.strip()


def identity(version: str) -> str:
    """Return `LABEL+HASH`, as in the receipt."""
    path = Path(version).resolve()
    return f"{(path / 'nixos-version').read_text().strip()}+{path.name.partition('-')[0]}"


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def verdict() -> dict[str, Any]:
    """Return the guard's verdict on the running version, when there is one and no unit of the guard runs or
    is about to run.
    """
    units = [
        "systemctl",
        "show",
        "--property=ActiveState,Job",
        "uecho-guard.service",
        *(f"uecho-guard-again@{end}.service" for end in ("success", "failure")),
    ]
    end = time.monotonic() + VERDICT_SECONDS
    status: dict[str, Any] = {}
    while time.monotonic() < end:
        shown = subprocess.run(units, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        rest = {"ActiveState=inactive", "ActiveState=failed", "Job=", "Job=0"}
        status = json.loads(
            subprocess.run(["uecho-guard", "status", "--json"], check=True, stdout=subprocess.PIPE).stdout
        )
        if set(shown) <= rest and status["judged"] and status["guard"] is None:
            last: dict[str, Any] = status["last_verdict"]
            return last
        time.sleep(0.2)
    sys.exit(f"no verdict within {VERDICT_SECONDS} s: {json.dumps(status, indent=1)}")


def main() -> int:
    match sys.argv[1:]:
        case ["make", label, kind, *options]:
            print(make(label, kind, dict(option.split("=", 1) for option in options)))
            return 0
        case ["identity", path]:
            print(identity(path))
            return 0
        case ["deploy", path]:
            # nixos-rebuild, too, runs the check of the version before it changes the profile
            subprocess.run(["nix-env", "--profile", PROFILE, "--set", path], check=True)
            return subprocess.run([f"{path}/bin/switch-to-configuration", "switch"], check=False).returncode
        case ["verdict"]:
            print(json.dumps(verdict()))
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
