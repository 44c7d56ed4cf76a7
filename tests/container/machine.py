"""`machine` of a scenario: the methods of the NixOS test driver (26.05), with the same meaning and default
timeouts.
"""

import re
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from errors import RequestedAssertionFailed
from report import Report

from container import Container


def retry(fn: Callable[[bool], bool], timeout_seconds: int = 900) -> None:
    """Call `fn(False)` every second until it returns true; after the timeout, `fn(True)` decides."""
    start = time.monotonic()
    while time.monotonic() - start < timeout_seconds:
        if fn(False):
            return
        time.sleep(1)
    elapsed = time.monotonic() - start
    if not fn(True):
        raise RequestedAssertionFailed(
            f"action timed out after {elapsed:.2f} seconds (timeout={timeout_seconds})"
        )


class Machine:
    """A container with the interface of the driver."""

    def __init__(self, container: Container, report: Report, link: Callable[[str], None]) -> None:
        self.container = container
        self.name = container.name
        self.report = report
        self.link = link

    def start(self, allow_reboot: bool = False) -> None:
        if self.container.is_up():
            return
        with self.report.nested(f"{self.name}: starting"):
            self.container.boot()
            self.link("attach")

    def execute(
        self, command: str, check_return: bool = True, check_output: bool = True, timeout: int | None = 900
    ) -> tuple[int, str]:
        self.start()
        status, output = self.container.run(command, timeout)
        return (status if check_return else -1), (output if check_output else "")

    def succeed(self, *commands: str, timeout: int | None = None) -> str:
        return "".join(self.must(command, timeout, succeeds=True) for command in commands)

    def fail(self, *commands: str, timeout: int | None = None) -> str:
        return "".join(self.must(command, timeout, succeeds=False) for command in commands)

    def must(self, command: str, timeout: int | None, *, succeeds: bool) -> str:
        with self.report.nested(f"{self.name}: must {'succeed' if succeeds else 'fail'}: {command}"):
            status, output = self.execute(command, timeout=timeout)
            if (status == 0) != succeeds:
                self.report.detail(f"output: {output}")
                end = f"failed (exit code {status})" if succeeds else "unexpectedly succeeded"
                raise RequestedAssertionFailed(f"command `{command}` {end}")
            return output

    def systemctl(self, q: str, user: str | None = None) -> tuple[int, str]:
        if user is not None:
            raise NotImplementedError("these containers have no user managers")
        return self.execute(f"systemctl {q}")

    def start_job(self, jobname: str, user: str | None = None) -> tuple[int, str]:
        return self.systemctl(f"start {jobname}", user)

    def stop_job(self, jobname: str, user: str | None = None) -> tuple[int, str]:
        return self.systemctl(f"stop {jobname}", user)

    def get_unit_info(self, unit: str, user: str | None = None) -> dict[str, str]:
        status, lines = self.systemctl(f'--no-pager show "{unit}"', user)
        if status != 0:
            raise RequestedAssertionFailed(
                f'retrieving systemctl info for unit "{unit}" failed with exit code {status}'
            )
        return {match[1]: match[2] for match in re.finditer(r"^([^=\n]+)=(.*)$", lines, re.MULTILINE)}

    def get_unit_property(self, unit: str, property: str, user: str | None = None) -> str:
        status, lines = self.systemctl(f'--no-pager show "{unit}" --property="{property}"', user)
        match = re.match(r"^([^=]+)=(.*)$", lines)
        if status != 0 or match is None or match[1] != property:
            raise RequestedAssertionFailed(
                f'retrieving property "{property}" of unit "{unit}" failed ({status}): {lines}'
            )
        return match[2]

    def require_unit_state(self, unit: str, require_state: str = "active") -> None:
        state = self.get_unit_info(unit)["ActiveState"]
        if state != require_state:
            raise RequestedAssertionFailed(
                f"Expected unit '{unit}' to be in state '{require_state}' but it is in state '{state}'"
            )

    def wait_for_unit(self, unit: str, user: str | None = None, timeout: int = 900) -> None:
        """Wait until the unit is active.

        Raise at once when it has failed, or is inactive and no job is pending.
        """

        def check(_last: bool) -> bool:
            state = self.get_unit_property(unit, "ActiveState", user)
            if state == "failed":
                raise RequestedAssertionFailed(f'unit "{unit}" reached state "{state}"')
            idle = state == "inactive" and "No jobs" in self.systemctl("list-jobs --full 2>&1", user)[1]
            if idle and self.get_unit_info(unit, user)["ActiveState"] == state:
                raise RequestedAssertionFailed(f'unit "{unit}" is inactive and there are no pending jobs')
            return state == "active"

        with self.report.nested(f"{self.name}: waiting for unit {unit}"):
            retry(check, timeout)

    def wait_until_succeeds(self, command: str, timeout: int = 900) -> str:
        return self.wait_until(command, timeout, succeeds=True)

    def wait_until_fails(self, command: str, timeout: int = 900) -> str:
        return self.wait_until(command, timeout, succeeds=False)

    def wait_until(self, command: str, timeout: int, *, succeeds: bool) -> str:
        output = ""

        def check(_last: bool) -> bool:
            nonlocal output
            status, output = self.execute(command, timeout=timeout)
            return (status == 0) == succeeds

        with self.report.nested(
            f"{self.name}: waiting for {'success' if succeeds else 'failure'}: {command}"
        ):
            retry(check, timeout)
        return output

    def wait_for_file(self, filename: str, timeout: int = 900) -> None:
        self.wait_until_succeeds(f"test -e {filename}", timeout)

    def wait_for_open_port(self, port: int, addr: str = "localhost", timeout: int = 900) -> None:
        self.wait_until_succeeds(f": 2>&- > /dev/tcp/{addr}/{port}", timeout)

    def wait_for_closed_port(self, port: int, addr: str = "localhost", timeout: int = 900) -> None:
        self.wait_until_fails(f": 2>&- > /dev/tcp/{addr}/{port}", timeout)

    def wait_for_open_unix_socket(self, addr: str, is_datagram: bool = False, timeout: int = 900) -> None:
        kind = "SOCK_DGRAM" if is_datagram else "SOCK_STREAM"
        script = f"import socket; socket.socket(socket.AF_UNIX, socket.{kind}).connect({addr!r})"
        self.wait_until_succeeds(f"python3 -c {shlex.quote(script)} 2>&1", timeout)

    def sleep(self, secs: int) -> None:
        self.succeed(f"sleep {secs}")

    def copy_from_host(self, source: str, target: str) -> None:
        """Copy a file or folder from the host; keep its access rights, and make root its owner."""
        with self.report.nested(f"{self.name}: copy {source} to {target}"):
            staging = self.succeed("mktemp -d --tmpdir=/run").strip()
            # A command in the machine does the last step, so that paths and links mean what they mean there.
            outside = Path(f"/proc/{self.container.leader}/root{staging}/{Path(source).name}")
            shutil.copytree(source, outside) if Path(source).is_dir() else shutil.copy(source, outside)
            self.succeed(
                f"mkdir -p {shlex.quote(str(Path(target).parent))};"
                f" cp -r {staging}/{shlex.quote(Path(source).name)} {shlex.quote(target)}; rm -r {staging}"
            )

    def copy_from_host_via_shell(self, source: str, target: str) -> None:
        self.copy_from_host(source, target)

    def copy_from_machine(self, source: str, target_dir: str = "") -> None:
        """Copy from the machine into the folder that `out` of the report names."""
        self.start()
        target = self.report.out / target_dir / Path(source).name
        target.parent.mkdir(parents=True, exist_ok=True)
        inside = Path(f"/proc/{self.container.leader}/root{source}")
        shutil.copytree(inside, target) if inside.is_dir() else shutil.copy(inside, target)

    def shutdown(self) -> None:
        """Power off in order and wait until the machine is off."""
        if not self.container.is_up():
            return
        with self.report.nested(f"{self.name}: shutting down"):
            self.execute("systemctl --no-block poweroff")
            self.wait_for_shutdown()

    def wait_for_shutdown(self) -> None:
        self.container.wait(120)

    def crash(self) -> None:
        """Cut the power."""
        with self.report.nested(f"{self.name}: crash"):
            self.container.kill()

    def reboot(self) -> None:
        self.shutdown()
        self.start()

    def block(self) -> None:
        """Cut the machine off from the network between the machines."""
        self.link("block")

    def unblock(self) -> None:
        self.link("unblock")
