#!/usr/bin/env python3
"""uecho-pager: receive the webhooks of Alertmanager, and notice when its watchdog is silent.

Each alert of each notification becomes a line of JSON in --file: when, path (page, ticket, watchdog), status
(firing, resolved), alert, instance. When /watchdog has been asked before and then not for --silence seconds,
a line with the path `silence` is written, once.
"""

import argparse
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Notes:
    """The file, and the last sign of life."""

    def __init__(self, file: str, silence: float) -> None:
        self.file = file
        self.silence = silence
        self.lock = threading.Lock()
        self.sign: float | None = None

    def write(self, path: str, alerts: list[dict[str, object]]) -> None:
        with self.lock, open(self.file, "a") as file:
            if path == "watchdog":
                self.sign = time.monotonic()
            for alert in alerts:
                labels = alert.get("labels") or {}
                assert isinstance(labels, dict)
                line = {
                    "when": time.time(),
                    "path": path,
                    "status": alert.get("status"),
                    "alert": labels.get("alertname"),
                    "instance": labels.get("instance"),
                }
                file.write(json.dumps(line) + "\n")

    def listen_for_silence(self) -> None:
        while True:
            time.sleep(0.2)
            if self.sign is not None and time.monotonic() - self.sign > self.silence:
                self.sign = None
                self.write("silence", [{"status": "firing"}])


def main() -> None:
    parser = argparse.ArgumentParser(prog="uecho-pager", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--file", required=True)
    parser.add_argument("--silence", type=float, required=True)
    options = parser.parse_args()
    notes = Notes(options.file, options.silence)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            notes.write(self.path.strip("/"), body["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    threading.Thread(target=notes.listen_for_silence, daemon=True).start()
    ThreadingHTTPServer(("", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
