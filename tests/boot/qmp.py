"""The control socket of QEMU, which reports how often and why the machine was reset."""

import contextlib
import json
import threading
from pathlib import Path

import channel


class Monitor:
    """Listens for the events of one QEMU process until it ends."""

    def __init__(self, path: Path) -> None:
        self.socket = channel.connect(path)
        self.resets = 0
        self.events: list[str] = []
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self) -> None:
        # The end of QEMU, which may be a power cut, closes this socket.
        with contextlib.suppress(OSError), self.socket, self.socket.makefile("rw") as stream:
            print('{"execute": "qmp_capabilities"}', file=stream, flush=True)
            for line in stream:
                message = json.loads(line)
                if event := message.get("event"):
                    self.events.append(event)
                    self.resets += event == "RESET"
