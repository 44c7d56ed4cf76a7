"""The web server of the updates, on loopback: static files, and a download can be held so that it can be cut
off at a known place.
"""

import functools
import sys
import threading
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# How long a download is held at most: whoever holds one ends what downloads.
HELD_SECONDS = 60


@dataclass
class Hold:
    """Stop sending files whose names end with `suffix` after a `part` of them."""

    suffix: str
    part: float
    reached: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


class Handler(SimpleHTTPRequestHandler):
    """Serves files as they are; a held one stops in the middle."""

    server: "Server"

    def copyfile(self, source, outputfile) -> None:  # type: ignore[no-untyped-def]
        content = source.read()
        hold = self.server.hold
        if hold is None or not self.path.endswith(hold.suffix):
            outputfile.write(content)
            return
        at = int(len(content) * hold.part)
        outputfile.write(content[:at])
        outputfile.flush()
        hold.reached.set()
        if hold.over.wait(HELD_SECONDS):
            outputfile.write(content[at:])

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Serves a directory until it is closed."""

    daemon_threads = True

    def __init__(self, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(directory)))
        self.hold: Hold | None = None
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # who downloads was killed
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()
