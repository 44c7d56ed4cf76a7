"""The host's end of the port over which commands reach the machine: one JSON object a line, both ways."""

import json
import socket
import time
from pathlib import Path
from typing import Any

from errors import RunnerError

CONNECT_SECONDS = 10


class Rebooted(Exception):
    """The machine has come up anew instead of answering."""


class Channel:
    """One connection, for as long as the machine has power; it outlives the machine's reboots."""

    def __init__(self, path: Path) -> None:
        self.socket = connect(path)
        self.pending = b""
        self.number = 0
        self.boot_id = ""

    def close(self) -> None:
        self.socket.close()

    def wait_for_boot(self, seconds: float) -> str:
        """Wait until the machine says that it is up; returns the id of this boot."""
        deadline = time.monotonic() + seconds
        while (message := self.read(deadline)) is not None:
            if "hello" in message:
                self.boot_id = message["hello"]
                return self.boot_id
        raise RunnerError(f"not up within {seconds:.0f} s, or the machine went off")

    def send(self, command: str, timeout: int) -> None:
        """Have a command run, bounded to `timeout` seconds, without waiting for its end."""
        self.number += 1
        self.socket.settimeout(CONNECT_SECONDS)
        self.socket.sendall(
            json.dumps({"number": self.number, "command": command, "timeout": timeout}).encode() + b"\n"
        )

    def run(self, command: str, timeout: int) -> tuple[int, str, str]:
        """Run a bash command in the machine; returns its status, what it printed, and its errors."""
        self.send(command, timeout)
        deadline = time.monotonic() + timeout + CONNECT_SECONDS
        while (message := self.read(deadline)) is not None:
            if "hello" in message:
                self.boot_id = message["hello"]
                raise Rebooted(command)
            if message["number"] == self.number:
                return message["status"], message["output"], message["errors"]
        raise RunnerError(f"no answer within {timeout} s, or the machine went off: {command}")

    def read(self, deadline: float) -> dict[str, Any] | None:
        """The next message; `None` when there is none in time or the machine is gone."""
        while True:
            line, newline, rest = self.pending.partition(b"\n")
            if newline:
                self.pending = rest
                # What is cut off by a reset is no message.
                try:
                    message: dict[str, Any] = json.loads(line)
                except ValueError:
                    continue
                return message
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return None
            self.socket.settimeout(remaining)
            try:
                received = self.socket.recv(65536)
            except TimeoutError:
                return None
            except ConnectionError:
                received = b""
            if not received:
                return None
            self.pending += received


def connect(path: Path) -> socket.socket:
    """Connect to a socket that is about to be made."""
    deadline = time.monotonic() + CONNECT_SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
            return connection
        except OSError as error:
            connection.close()
            if time.monotonic() > deadline:
                raise RunnerError(f"{path}: {error}") from error
            time.sleep(0.05)
