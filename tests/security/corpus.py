"""The project's own scan: hostile texts in every place of a request, and what a browser would make of the
answers.

A fault is one of four kinds. `markup`: the text became an element, an attribute or a script. `redirect`: the
text decides to which host the browser goes. `header`: the text became a header. `unprotected`: an answer
without the headers that keep a browser from sniffing and from showing it in a frame.
"""

import http.client
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

ELSEWHERE = "elsewhere.example"
# A browser runs what these do not stop; no page of a service has this word.
WORD = "zq9x"
HOSTILE = (
    f"<script>{WORD}()</script>",
    f"</h1></title><script src=//{ELSEWHERE}/{WORD}></script>",
    f"<img src=x onerror={WORD}()>",
    f'"><svg onload={WORD}()>',
    f'" onmouseover="{WORD}()',
    f"' autofocus onfocus='{WORD}()",
    f"<{WORD}>",
    f"<!--><iframe srcdoc=&lt;{WORD}>",
    f"javascript:{WORD}()",
    f"%3Cscript%3E{WORD}()%3C/script%3E",
    f"https://{ELSEWHERE}/",
    f"//{ELSEWHERE}/",
    f"/\\{ELSEWHERE}/",
    f"/\t/{ELSEWHERE}/",
    f"\r\nX-{WORD}: yes",
    f"\nX-{WORD}: yes",
)
# Long enough to be broken into lines.
HARMLESS = "a harmless text, as long as the others: " + "word/" * 30
# Where a text can be in a path; `{}` is its place.
PATHS = ("/{}", "/a/{}", "/api/{}", "/api/v1/echo/{}", "/api/v1/fanout/{}", "/%zz{}", "/healthz/{}")
ROUTES = ("/", "/a", "/api/v1/echo", "/api/v1/fanout/a", "/healthz", "/readyz", "/nothing/")
PARAMETERS = ("text", "next", "url", "q")
HEADERS = ("User-Agent", "Referer", "Origin", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Request-Id")
# A browser's own, as it asks for a page.
ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
# Types in which a browser sees elements; the empty one is for it to guess.
ELEMENTS = ("", "text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml")
# What a policy has to say besides default-src, which these do not follow from.
FORBIDDEN = ("base-uri", "form-action", "frame-ancestors")
FOLLOWED = {("a", "href"), ("form", "action"), ("iframe", "src"), ("button", "formaction")}


class Request(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: str | None = None


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: str


class Fault(NamedTuple):
    kind: str
    request: Request
    seen: str


class Shape(HTMLParser):
    """The kinds of elements of a page, each with the names of its attributes, and what its scripts say."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.kinds: set[tuple[str, ...]] = set()
        self.scripts: list[str] = []
        self.refreshes: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.kinds.add((tag, *sorted(name for name, _ in attrs)))
        values = {name: value or "" for name, value in attrs}
        self.scripts += [
            value
            for name, value in values.items()
            if (tag, name) in FOLLOWED and value.strip().lower().startswith("javascript:")
        ]
        if tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self.refreshes.append(values.get("content", ""))


def requests(text: str) -> Iterator[Request]:
    """Every request that has this text somewhere."""
    accept = {"Accept": ACCEPT}
    for path in PATHS:
        # A text that looks like a path stays one: `//host/` is what a redirect falls for.
        for safe in ("", "/\\:"):
            yield Request("GET", path.format(quote(text, safe=safe)), accept)
    query = "&".join(f"{name}={quote(text, safe='')}" for name in PARAMETERS)
    line = text.replace("\r", " ").replace("\n", " ")
    for route in ROUTES:
        yield Request("GET", f"{route}?{query}", accept)
        yield Request("GET", route, {**accept, **dict.fromkeys(HEADERS, line)})
        yield Request("GET", route, {**accept, "X-Forwarded-Host": ELSEWHERE, "Host": ELSEWHERE})
        yield Request("POST", route, accept, text)
    yield Request("GET", "/a", {"Accept": line})


def ask(address: str, request: Request) -> Answer:
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        body = None if request.body is None else request.body.encode()
        connection.request(request.method, request.target, body, request.headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode(errors="replace"))
    finally:
        connection.close()


def sent_to(answer: Answer, shape: Shape | None) -> list[str]:
    """Where the answer sends a browser: `Location`, `Refresh`, and the element that stands for it."""
    places = answer.headers.get_all("Location", []) if 300 <= answer.status < 400 else []
    delayed = answer.headers.get_all("Refresh", []) + (shape.refreshes if shape else [])
    return places + [text.partition("=")[2].strip(" '\"") for text in delayed]


def host(base: str, place: str) -> str:
    """The host of a place, as a browser reads it."""
    read = "".join(letter for letter in place.strip() if letter not in "\t\r\n").replace("\\", "/")
    try:
        return urlsplit(urljoin(base, read)).netloc
    except ValueError:
        return read


def judge(address: str, request: Request, answer: Answer, usual: set[tuple[str, ...]]) -> Iterator[Fault]:
    """The faults of an answer; `usual` are the elements of the answers to a harmless text."""
    media = answer.headers.get_content_type() if "Content-Type" in answer.headers else ""
    shape = Shape(answer.body) if media in ELEMENTS else None
    if shape is not None:
        more = sorted(str(kind) for kind in shape.kinds - usual) + shape.scripts
        if more:
            yield Fault("markup", request, ", ".join(more))
    # The base has two slashes less than a path that begins with them.
    base = f"http://{address}/"
    for place in sent_to(answer, shape):
        if host(base, place) != address:
            yield Fault("redirect", request, place)
    if f"X-{WORD}" in answer.headers:
        yield Fault("header", request, f"X-{WORD}: {answer.headers[f'X-{WORD}']}")
    policy = answer.headers.get("Content-Security-Policy", "")
    open_to = [name for name in FORBIDDEN if f"{name} 'none'" not in policy]
    sniffs = answer.headers.get("X-Content-Type-Options") != "nosniff"
    if open_to or sniffs:
        yield Fault("unprotected", request, str(answer.headers))


def scan(address: str) -> tuple[int, list[Fault]]:
    """How many answers there were, and what was wrong with them."""
    usual: set[tuple[str, ...]] = set()
    for request in requests(HARMLESS):
        usual |= Shape(ask(address, request).body).kinds
    count = 0
    faults: list[Fault] = []
    for text in HOSTILE:
        for request in requests(text):
            count += 1
            faults += judge(address, request, ask(address, request), usual)
    return count, faults
