"""The host's end of the port that carries commands to the machine: one JSON object a line, both ways."""

import json
import socket
import time
from pathlib import Path
from typing import Any

from errors import RunnerError

CONNECT_SECONDS = 10


class Rebooted(Exception):
    """The machine has booted again instead of answering."""


class Channel:
    """One connection, which lasts while the machine has power and survives its reboots."""

    def __init__(self, path: Path) -> None:
        self.socket = connect(path)
        self.pending = b""
        self.number = 0
        self.boot_id = ""

    def close(self) -> None:
        self.socket.close()

    def wait_for_boot(self, seconds: float) -> str:
        """Wait until the machine reports that it is up; return the id of this boot."""
        deadline = time.monotonic() + seconds
        while (message := self.read(deadline)) is not None:
            if "hello" in message:
                self.boot_id = message["hello"]
                return self.boot_id
        raise RunnerError(f"not up within {seconds:.0f} s, or the machine was switched off")

    def send(self, command: str, timeout: int) -> None:
        """Start a command that may take `timeout` seconds; do not wait for its end."""
        self.number += 1
        self.socket.settimeout(CONNECT_SECONDS)
        self.socket.sendall(
            json.dumps({"number": self.number, "command": command, "timeout": timeout}).encode() + b"\n"
        )

    def run(self, command: str, timeout: int) -> tuple[int, str, str]:
        """Run a bash command in the machine; return its status, standard output and standard error."""
        self.send(command, timeout)
        deadline = time.monotonic() + timeout + CONNECT_SECONDS
        while (message := self.read(deadline)) is not None:
            if "hello" in message:
                self.boot_id = message["hello"]
                raise Rebooted(command)
            if message["number"] == self.number:
                return message["status"], message["output"], message["errors"]
        raise RunnerError(f"no answer within {timeout} s, or the machine was switched off: {command}")

    def read(self, deadline: float) -> dict[str, Any] | None:
        """Return the next message; `None` when none comes in time or the machine is off."""
        while True:
            line, newline, rest = self.pending.partition(b"\n")
            if newline:
                self.pending = rest
                # A reset may have cut a message apart; the rest of it is ignored.
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
    """Connect to a socket that another process is about to make."""
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
