#!/usr/bin/env python3
"""The deploy script against a machine that is not one: ssh, nix are stand-ins, the service and its probe are the real program.

Needs bash and a built `uecho` (UECHO_BIN, else target/debug or target/release). The stand-in for ssh runs systems that are
folders: switching to one ends the service that runs and starts the service of that system, so a verdict is always about
answers over HTTP. Everything listens on a loopback port of its own.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "nixos/deploy.sh"


def program() -> Path:
    candidates = [os.environ.get("UECHO_BIN"), ROOT / "target/release/uecho", ROOT / "target/debug/uecho"]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return Path(candidate).resolve()
    sys.exit("test_deploy: no uecho built: cargo build, or set UECHO_BIN")


UECHO = program()

NIX = """
case "$1" in
  build) echo "nix build" >>"$LAB/calls"; [ ! -e "$LAB/no-build" ] || exit 1; echo "$LAB/systems/new" ;;
  eval) echo "nix eval" >>"$LAB/calls"; cat "$LAB/revision" ;;
  copy) echo "nix copy" >>"$LAB/calls"; [ ! -e "$LAB/no-copy" ] || exit 1 ;;
  *) echo "unexpected: nix $*" >&2; exit 99 ;;
esac
"""

# What is said to the machine is run by a shell here, with the tools of the machine in front.
SSH = """
[ ! -e "$LAB/no-ssh" ] || exit 255
echo "ssh $1" >>"$LAB/calls"
shift
PATH=$LAB/machine:$PATH exec bash -c "$(sed "s,/run/current-system/sw/bin/,,g; s,/run/current-system,$LAB/current,g" <<<"$*")"
"""

SYSTEMD_RUN = """
while [ "${1#--}" != "$1" ]; do shift; done
exec "$@"
"""

NIX_ENV = """
[ "$1 $2 $3" = "--profile /nix/var/nix/profiles/system --set" ] || exit 99
ln -sfn "$4" "$LAB/profile"
"""

SWITCH = """
echo "switch ${1}: %(name)s" >>"$LAB/calls"
%(before)s
if [ -e "$LAB/pid" ]; then kill "$(cat "$LAB/pid")" 2>/dev/null; while kill -0 "$(cat "$LAB/pid")" 2>/dev/null; do sleep 0.05; done; fi
ln -sfn "%(path)s" "$LAB/current"
UECHO_PUBLIC__LISTEN=127.0.0.1:$PORT UECHO_OPS__LISTEN=127.0.0.1:0 UECHO_SYSTEM=%(system)s setsid "$UECHO" serve >/dev/null 2>&1 </dev/null &
echo $! >"$LAB/pid"
exit %(status)s
"""


class Deploy(unittest.TestCase):
    def setUp(self) -> None:
        self.lab = Path(tempfile.mkdtemp(prefix="uecho-deploy-"))
        self.addCleanup(shutil.rmtree, self.lab)
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.port = unused.getsockname()[1]
        for folder in ["bin", "machine", "systems"]:
            (self.lab / folder).mkdir()
        self.command("bin/nix", NIX)
        self.command("bin/ssh", SSH)
        self.command("machine/systemd-run", SYSTEMD_RUN)
        self.command("machine/nix-env", NIX_ENV)
        (self.lab / "bin/uecho").symlink_to(UECHO)
        self.environment = {
            # The program takes UECHO_* for settings.
            **{name: value for name, value in os.environ.items() if not name.startswith("UECHO_")},
            "LAB": str(self.lab),
            "PATH": f"{self.lab}/bin:{os.environ['PATH']}",
            "PORT": str(self.port),
            "UECHO": str(UECHO),
        }
        (self.lab / "revision").write_text("unknown")
        self.system("old")
        subprocess.run([self.lab / "systems/old/bin/switch-to-configuration", "switch"], env=self.environment, check=True)
        self.addCleanup(self.stop)
        (self.lab / "calls").unlink()

    def command(self, name: str, text: str) -> None:
        path = self.lab / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/usr/bin/env bash\n{textwrap.dedent(text)}")
        path.chmod(0o755)

    def system(self, name: str, *, serves: str | None = None, status: int = 0, before: str = "") -> None:
        """A system with this label, which serves under it (or under another) once it is switched to."""
        path = self.lab / "systems" / name
        values = {"name": name, "path": path, "system": serves or name, "status": status, "before": before}
        self.command(f"systems/{name}/bin/switch-to-configuration", SWITCH % values)
        (path / "nixos-version").write_text(name)

    def stop(self) -> None:
        try:
            os.kill(int((self.lab / "pid").read_text()), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass

    def deploy(self, *arguments: str) -> tuple[int, str]:
        default = ["--url", f"http://127.0.0.1:{self.port}", "--wait", "4", "machine"]
        command = ["bash", SCRIPT, *(arguments or default)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stderr

    def calls(self) -> list[str]:
        path = self.lab / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def current(self) -> str:
        return Path(os.readlink(self.lab / "current")).name

    def test_a_good_version_is_deployed(self) -> None:
        self.system("new")
        status, said = self.deploy()
        self.assertEqual(status, 0, said)
        self.assertIn("serves new", said)
        self.assertEqual(self.current(), "new")
        self.assertEqual(Path(os.readlink(self.lab / "profile")).name, "new")
        # Nothing on the machine is touched before the copy is there.
        calls = self.calls()
        self.assertLess(calls.index("nix copy"), calls.index("switch switch: new"))
        self.assertIn("ssh root@machine", calls)

    def test_another_user_is_kept(self) -> None:
        self.system("new")
        status, said = self.deploy("--url", f"http://127.0.0.1:{self.port}", "--wait", "4", "deploy@machine")
        self.assertEqual(status, 0, said)
        self.assertIn("ssh deploy@machine", self.calls())

    def test_a_version_that_serves_another_label_is_taken_back(self) -> None:
        self.system("new", serves="something-else")
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertIn("serves old again", said)
        self.assertEqual(self.current(), "old")
        self.assertEqual(Path(os.readlink(self.lab / "profile")).name, "old")

    def test_another_revision_is_taken_back(self) -> None:
        self.system("new")
        (self.lab / "revision").write_text("0123456")
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertEqual(self.current(), "old")

    def test_a_version_that_does_not_start_is_taken_back(self) -> None:
        self.system("new", serves="new UECHO_LIMITS__BODY=plenty")
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertEqual(self.current(), "old")

    def test_a_switch_that_fails_is_taken_back_although_the_new_version_serves(self) -> None:
        self.system("new", status=4)
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertIn("switching failed (status 4)", said)
        self.assertEqual(self.current(), "old")

    def test_an_old_version_that_does_not_come_back_is_said(self) -> None:
        self.system("new", serves="something-else")
        self.system("old", serves="also-broken")
        status, said = self.deploy()
        self.assertEqual(status, 4, said)
        self.assertIn("does not serve old either", said)

    def test_going_back_that_fails_is_not_called_success(self) -> None:
        self.system("new", serves="something-else")
        self.system("old", status=4)
        status, said = self.deploy()
        self.assertEqual(status, 4, said)
        self.assertIn("switching back failed", said)

    def test_nothing_changes_when_it_does_not_build_copy_or_answer(self) -> None:
        self.system("new")
        for obstacle in ["no-build", "no-copy", "no-ssh"]:
            with self.subTest(obstacle):
                (self.lab / obstacle).touch()
                status, said = self.deploy()
                (self.lab / obstacle).unlink()
                self.assertEqual(status, 5, said)
                self.assertIn("Nothing was changed", said)
                self.assertEqual(self.current(), "old")
                self.assertFalse((self.lab / "profile").exists())

    def test_usage(self) -> None:
        for arguments in [["--nope", "x"], ["--url"], ["a", "b"], ["--wait", "soon", "a"], ["--flake", "here", "a"], [""]]:
            with self.subTest(arguments):
                self.assertEqual(self.deploy(*arguments)[0], 2)
        self.assertEqual(self.deploy("--help")[0], 0)
        self.assertEqual(self.calls(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
