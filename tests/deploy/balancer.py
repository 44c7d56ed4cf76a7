"""A stand-in for HAProxy: two HTTP servers on loopback, one for clients and one for its exporter.

It checks /readyz of the nodes, sends each request to the next node that is UP, tries another one if the
connection fails, and counts the answers. The exporter's text has the form of HAProxy 3.0.
"""

import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"


class Balancer:
    def __init__(self, nodes: dict[str, int]) -> None:
        self.nodes = nodes
        self.up: dict[str, bool] = dict.fromkeys(nodes, False)
        # How many nodes were UP when there were fewest.
        self.fewest = 0
        # States that an administrator has set.
        self.forced: dict[str, str] = {}
        # How many answers to other clients, for each request, were errors.
        self.errors = 0
        self.delay = 0.0
        self.answers: Counter[str] = Counter()
        self.turn = itertools.count()
        self.stopped = threading.Event()
        self.servers = [self.serve(self.forward), self.serve(self.export)]
        threading.Thread(target=self.check, daemon=True).start()

    def url(self, number: int) -> str:
        return f"http://{HOST}:{self.servers[number].server_port}"

    def close(self) -> None:
        self.stopped.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def serve(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> ThreadingHTTPServer:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer((HOST, 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    def state(self, name: str) -> str:
        return self.forced.get(name, "UP" if self.up[name] else "DOWN")

    def check(self) -> None:
        while not self.stopped.wait(0.1):
            for name, port in self.nodes.items():
                try:
                    self.up[name] = self.ask(port, "/readyz", {})[0] == 200
                except OSError:
                    self.up[name] = False
            self.fewest = min(self.fewest, sum(self.up.values()))

    def ask(self, port: int, path: str, headers: dict[str, str]) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(HOST, port, timeout=2)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        except http.client.HTTPException as error:
            raise OSError(error) from error
        finally:
            connection.close()

    def forward(self, request: BaseHTTPRequestHandler) -> None:
        time.sleep(self.delay)
        self.answers["5xx"] += self.errors
        status, headers, body = 503, [], b""
        for _ in self.nodes:
            name, port = list(self.nodes.items())[next(self.turn) % len(self.nodes)]
            if self.state(name) != "UP":
                continue
            try:
                status, headers, body = self.ask(port, request.path, dict(request.headers))
                break
            except OSError:
                self.up[name] = False
        self.answers[f"{status // 100}xx"] += 1
        request.send_response_only(status)
        for key, value in headers:
            if key.lower() not in ("connection", "transfer-encoding"):
                request.send_header(key, value)
        request.end_headers()
        request.wfile.write(body)

    def export(self, request: BaseHTTPRequestHandler) -> None:
        lines = ["# TYPE haproxy_server_status gauge"]
        for name in self.nodes:
            for state in ["DOWN", "UP", "MAINT", "DRAIN", "NOLB"]:
                value = int(state == self.state(name))
                labels = f'proxy="nodes",server="{name}",state="{state}"'
                lines.append(f"haproxy_server_status{{{labels}}} {value}")
        for code in ["1xx", "2xx", "3xx", "4xx", "5xx", "other"]:
            count = self.answers[code]
            lines.append(f'haproxy_backend_http_responses_total{{proxy="nodes",code="{code}"}} {count}')
        request.send_response(200)
        request.end_headers()
        request.wfile.write("\n".join([*lines, ""]).encode())
