#!/usr/bin/env python3
"""uecho-otlp PORT: a collector of traces by OTLP/HTTP that remembers the spans.

GET answers with a JSON list of what came: trace_id, span_id and parent_span_id (empty: none) of each span.
"""

import http.server
import json
import re
import sys

# The first fields of a Span (opentelemetry/proto/trace/v1/trace.proto): trace_id, span_id, trace_state and
# parent_span_id, in the order of their numbers.
SPAN = re.compile(rb"\x0a\x10(.{16})\x12\x08(.{8})(?:\x1a(?:.[^\x22]*))?(?:\x22\x08(.{8}))?", re.DOTALL)
spans: list[dict[str, str]] = []


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for found in SPAN.findall(body):
            ids = [part.hex() for part in found]
            spans.append(dict(zip(["trace_id", "span_id", "parent_span_id"], ids, strict=True)))
        self.answer(b"")

    def do_GET(self) -> None:
        self.answer(json.dumps(spans).encode())

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Collector).serve_forever()
