"""Servers with one planted fault each: what finds nothing wrong with the service must find it in these.

They are otherwise as careful as the service: escaped text, the same protecting headers. `well-behaved` has no
fault. As a program, it serves one of them: planted.py NAME PORT.
"""

import html
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, unquote

PROTECTION = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
HTML = {"Content-Type": "text/html; charset=utf-8"}


class Asked:
    """A request as an application sees it."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        # Not urlsplit: it takes the first part of `//host/` for the host.
        self.path, _, query = handler.path.partition("?")
        self.text = unquote(self.path.removeprefix("/"))
        self.query = {name: values[0] for name, values in parse_qs(query).items()}
        self.headers = handler.headers


Answer = tuple[int, dict[str, str], str]


def page(shown: str) -> str:
    return f"<html><head><title>Echo</title></head><body><h1>{shown} right back at ya!</h1></body></html>"


def careful(asked: Asked) -> Answer:
    return 200, {**HTML, **PROTECTION}, page(html.escape(asked.text))


def xss_path(asked: Asked) -> Answer:
    """The fault of the original: the text of the path, as it is."""
    return 200, HTML, page(asked.text)


def xss_query(asked: Asked) -> Answer:
    return 200, HTML, page(asked.query.get("text", ""))


def xss_attribute(asked: Asked) -> Answer:
    """Escapes everything but the quotes that end an attribute."""
    text = html.escape(asked.query.get("text", ""), quote=False)
    return 200, {**HTML, **PROTECTION}, page(f'<span title="{text}">text</span>')


def xss_quote(asked: Asked) -> Answer:
    """Escapes one kind of quote, and uses the other."""
    text = html.escape(asked.query.get("text", ""), quote=False).replace('"', "&quot;")
    return 200, {**HTML, **PROTECTION}, page(f"<span title='{text}'>text</span>")


def xss_twice(asked: Asked) -> Answer:
    """Escapes first, and then decodes once more."""
    return 200, {**HTML, **PROTECTION}, page(unquote(html.escape(asked.text)))


def xss_link(asked: Asked) -> Answer:
    """Escapes, but lets the client choose the scheme of a link."""
    text = html.escape(asked.query.get("next", "/"))
    return 200, {**HTML, **PROTECTION}, page(f'<a href="{text}">next</a>')


def xss_header(asked: Asked) -> Answer:
    return 200, {**HTML, **PROTECTION}, page(asked.headers.get("User-Agent", ""))


def xss_error(asked: Asked) -> Answer:
    """Careful with what it knows; the page that says what it does not know is not."""
    if asked.path.startswith("/api/"):
        return 404, {**HTML, **PROTECTION}, page(f"no such route: {asked.text}")
    return careful(asked)


def sniffed(asked: Asked) -> Answer:
    """Does not say what it sends: a browser looks into it, and sees HTML."""
    return 200, {"Content-Security-Policy": PROTECTION["Content-Security-Policy"]}, asked.text


def line(text: str) -> str:
    """The text without line breaks, which would be another fault in a header."""
    return text.replace("\r", "").replace("\n", "")


def redirect_query(asked: Asked) -> Answer:
    if "next" in asked.query:
        return 302, {"Location": line(asked.query["next"]), **PROTECTION}, ""
    return careful(asked)


def redirect_path(asked: Asked) -> Answer:
    """Removes a slash at the end, and forgets that what begins with two names another host."""
    if len(asked.path) > 1 and asked.path.endswith("/"):
        return 301, {"Location": asked.path.rstrip("/"), **PROTECTION}, ""
    return careful(asked)


def redirect_host(asked: Asked) -> Answer:
    """Sends to HTTPS on the host that the client, or somebody before it, has named."""
    host = asked.headers.get("X-Forwarded-Host")
    if host:
        return 308, {"Location": f"https://{host}{asked.path}", **PROTECTION}, ""
    return careful(asked)


def refresh(asked: Asked) -> Answer:
    status, headers, body = careful(asked)
    return status, {**headers, "Refresh": f"0; url={line(asked.query.get('url', '/'))}"}, body


def split(asked: Asked) -> Answer:
    """Puts a text with its line breaks into a header."""
    status, headers, body = careful(asked)
    return status, {**headers, "X-Text": asked.text}, body


def without(headers: dict[str, str], name: str) -> str:
    """The policy without a directive."""
    directives = headers["Content-Security-Policy"].split("; ")
    return "; ".join(directive for directive in directives if not directive.startswith(name))


def framed(asked: Asked) -> Answer:
    """Other pages may show it in a frame."""
    status, headers, body = careful(asked)
    return status, {**headers, "Content-Security-Policy": without(headers, "frame-ancestors")}, body


def based(asked: Asked) -> Answer:
    """Markup may lead its links elsewhere."""
    status, headers, body = careful(asked)
    return status, {**headers, "Content-Security-Policy": without(headers, "base-uri")}, body


def formed(asked: Asked) -> Answer:
    """A form in it may send what is typed elsewhere."""
    status, headers, body = careful(asked)
    return status, {**headers, "Content-Security-Policy": without(headers, "form-action")}, body


def not_nosniff(asked: Asked) -> Answer:
    status, headers, body = careful(asked)
    return status, {name: value for name, value in headers.items() if "nosniff" not in value}, body


# Name to server, and to the one kind of fault that the corpus must report.
PLANTED: dict[str, tuple[Callable[[Asked], Answer], str | None]] = {
    "well-behaved": (careful, None),
    "xss-path": (xss_path, "markup"),
    "xss-query": (xss_query, "markup"),
    "xss-attribute": (xss_attribute, "markup"),
    "xss-quote": (xss_quote, "markup"),
    "xss-twice": (xss_twice, "markup"),
    "xss-link": (xss_link, "markup"),
    "xss-header": (xss_header, "markup"),
    "xss-error": (xss_error, "markup"),
    "sniffed": (sniffed, "markup"),
    "redirect-query": (redirect_query, "redirect"),
    "redirect-path": (redirect_path, "redirect"),
    "redirect-host": (redirect_host, "redirect"),
    "refresh": (refresh, "redirect"),
    "split": (split, "header"),
    "framed": (framed, "unprotected"),
    "based": (based, "unprotected"),
    "formed": (formed, "unprotected"),
    "not-nosniff": (not_nosniff, "unprotected"),
}


class Planted:
    """A running server of that name on a port of loopback; a context manager."""

    def __init__(self, name: str, port: int = 0) -> None:
        answer = PLANTED[name][0]

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                self.rfile.read(length)
                status, headers, body = answer(Asked(self))
                data = body.encode()
                self.send_response(status)
                for header, value in headers.items():
                    self.send_header(header, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_HEAD = do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    Planted(sys.argv[1], int(sys.argv[2])).server.serve_forever()
