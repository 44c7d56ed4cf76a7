"""Nodes whose page a test looks at: the real program, and peers that answer as the test needs."""

import json
import os
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PROGRAM = Path(os.environ.get("UECHO", Path(__file__).resolve().parents[2] / "target/debug/uecho"))
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Peers:
    """One server that acts as any number of peers: the first part of the path selects the answer and its
    delay in milliseconds.
    """

    def __init__(self, answers: dict[str, tuple[float, int, str, str]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                delay, status, media, body = answers[self.path.split("/")[1]]
                time.sleep(delay / 1000)
                self.send_response(status)
                self.send_header("Content-Type", media)
                self.send_header("Content-Security-Policy", POLICY)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{name}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Node:
    """A running uecho with these peers."""

    def __init__(self, peers: list[str]) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="uecho-browser-")
        config = Path(self.directory.name, "uecho.toml")
        # Two ports that were free just now.
        with socket.socket() as public, socket.socket() as ops:
            for chosen in [public, ops]:
                chosen.bind(("127.0.0.1", 0))
            self.address, ops_address = (f"127.0.0.1:{chosen.getsockname()[1]}" for chosen in [public, ops])
        config.write_text(
            f'instance = "looked-at"\n[public]\nlisten = "{self.address}"\n[ops]\nlisten = "{ops_address}"\n'
            f'[fanout]\ntimeout = "20s"\npeers = {json.dumps(peers)}\n[limits]\nhandler = "30s"\n'
        )
        self.process = subprocess.Popen([PROGRAM, "--config", config], env={}, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://{self.address}/readyz", timeout=5).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"uecho ended with {self.process.returncode}") from None
                time.sleep(0.05)
        raise RuntimeError("uecho is never ready")

    def url(self, text: str) -> str:
        return f"http://{self.address}/api/v1/fanout/{text}"

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.directory.cleanup()


def echo(message: str) -> str:
    """Return the body of an echo."""
    return json.dumps({"message": message})


def fan_out(status: str, elapsed: float, replies: list[dict[str, Any]]) -> str:
    """Return the body of a fan-out."""
    return json.dumps({"message": "m", "status": status, "elapsed_ms": elapsed, "replies": replies})
