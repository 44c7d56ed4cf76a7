"""The control socket of QEMU, which takes commands, and reports how often and why the machine was reset."""

import contextlib
import json
import queue
import threading
from pathlib import Path
from typing import Any

import channel
from errors import RunnerError

ANSWER_SECONDS = 60


class Monitor:
    """Talks to one QEMU process, and listens for its events until it ends."""

    def __init__(self, path: Path) -> None:
        self.socket = channel.connect(path)
        self.resets = 0
        self.events: list[str] = []
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: object) -> Any:
        """Have QEMU do something; return what it answers."""
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        try:
            answer = self.answers.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise RunnerError(f"QEMU does not answer {command}") from None
        if "error" in answer:
            raise RunnerError(f"{command}: {answer['error']['desc']}")
        return answer["return"]

    def listen(self) -> None:
        # The end of QEMU, which may be a power cut, closes this socket.
        with contextlib.suppress(OSError), self.socket, self.socket.makefile() as stream:
            for line in stream:
                message = json.loads(line)
                if "return" in message or "error" in message:
                    self.answers.put(message)
                elif event := message.get("event"):
                    self.events.append(event)
                    self.resets += event == "RESET"
