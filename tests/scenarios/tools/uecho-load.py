#!/usr/bin/env python3
"""uecho-load: ask a running uecho over a new connection per request, and count every wrong answer.

With --keep-alive, each worker keeps its connection until an answer says `Connection: close`. A request fails
when it is refused, reset, cut or late, when its status is not 200, or when its text is not the one that was
sent. This prints one JSON object: requests, failed, failures {kind: count}, seconds, rate (1/s), p50_ms,
p99_ms, max_ms, longest_gap_s (the longest time without a right answer), connections (how many it opened), and
receipts: which versions answered, in the order of their first answer, each with its count and the first and
last time of an answer (s). With failures, failed_from_s and failed_to_s are the times of the first and the
last. It ends after --requests or --seconds, whichever comes first. With --while-file it
also ends when that file is removed, but not before --min-requests.
"""

import argparse
import http.client
import json
import os
import threading
import time
from urllib.parse import urlsplit


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="uecho-load", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="base URL (default: %(default)s)")
    parser.add_argument(
        "--requests", type=int, default=20_000, help="the most requests (default: %(default)s)"
    )
    parser.add_argument("--min-requests", type=int, default=0, help="with --while-file: the fewest requests")
    parser.add_argument(
        "--seconds", type=float, default=120, help="the longest time, in s (default: %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=8, help="connections at once (default: %(default)s)")
    parser.add_argument(
        "--timeout",
        type=float,
        default=10,
        help="a request that takes longer has failed, in s (default: %(default)s)",
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=0,
        help="requests per second in total (default: as fast as answers come)",
    )
    parser.add_argument("--keep-alive", action="store_true", help="many requests over each connection")
    parser.add_argument("--while-file", help="continue for as long as this file exists")
    return parser.parse_args()


class Load:
    """The state that the workers share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        url = urlsplit(options.url)
        self.address = (url.hostname or "127.0.0.1", url.port or 80)
        self.prefix = url.path.rstrip("/")
        self.lock = threading.Lock()
        self.start = time.monotonic()
        self.issued = 0
        self.latencies: list[float] = []
        self.failures: dict[str, int] = {}
        self.failed_at: list[float] = []
        self.receipts: dict[str, dict[str, float]] = {}
        self.opened = 0
        self.last_answer = 0.0
        self.longest_gap = 0.0

    def next(self) -> int | None:
        """Return the number of the next request, or None at the end. With a rate, wait for its turn."""
        options = self.options
        with self.lock:
            elapsed = time.monotonic() - self.start
            ended = (
                options.while_file is not None
                and self.issued >= options.min_requests
                and not os.path.exists(options.while_file)
            )
            if ended or self.issued >= options.requests or elapsed >= options.seconds:
                return None
            self.issued += 1
            number = self.issued
        if options.rate > 0:
            time.sleep(max(0.0, self.start + number / options.rate - time.monotonic()))
        return number

    def work(self) -> None:
        kept = http.client.HTTPConnection(*self.address, timeout=self.options.timeout)
        while (number := self.next()) is not None:
            begin = time.monotonic()
            try:
                receipt, kind = self.ask(number, kept if self.options.keep_alive else None), None
            except TimeoutError:
                receipt, kind = "", "timeout"
            except ConnectionRefusedError:
                receipt, kind = "", "refused"
            except ConnectionError:
                receipt, kind = "", "reset"
            except (OSError, http.client.HTTPException, ValueError) as error:
                receipt, kind = "", f"{type(error).__name__}: {error}"
            end = time.monotonic()
            with self.lock:
                self.latencies.append(end - begin)
                if kind is not None:
                    self.failures[kind] = self.failures.get(kind, 0) + 1
                    self.failed_at.append(round(end - self.start, 3))
                else:
                    at = round(end - self.start, 3)
                    self.longest_gap = max(self.longest_gap, at - self.last_answer)
                    self.last_answer = at
                    entry = self.receipts.setdefault(receipt, {"requests": 0, "first_s": at, "last_s": at})
                    entry["requests"] += 1
                    entry["last_s"] = at

    def ask(self, number: int, kept: http.client.HTTPConnection | None) -> str:
        """Send one request, over a connection of its own or over `kept`; return the receipt."""
        text = f"load-{number}"
        connection = kept or http.client.HTTPConnection(*self.address, timeout=self.options.timeout)
        headers = {"Accept": "text/plain", "User-Agent": "uecho-load"}
        if kept is None:
            headers["Connection"] = "close"
        try:
            if connection.sock is None:
                connection.connect()
                with self.lock:
                    self.opened += 1
            connection.request("GET", f"{self.prefix}/{text}", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except BaseException:
            connection.close()
            raise
        if kept is None:
            connection.close()
        if answer.status != 200:
            raise ValueError(f"status {answer.status}")
        if body.decode() != f"{text} right back at ya!\n":
            raise ValueError("not the text that was sent")
        return answer.getheader("X-Uecho-Receipt", "")

    def report(self) -> dict[str, object]:
        elapsed = time.monotonic() - self.start
        gap = max(self.longest_gap, elapsed - self.last_answer)
        ordered = sorted(self.latencies) or [0.0]
        failed_at = sorted(self.failed_at)
        failed = {"failed_from_s": failed_at[0], "failed_to_s": failed_at[-1]} if failed_at else {}
        return {
            "requests": len(self.latencies),
            "failed": sum(self.failures.values()),
            "failures": self.failures,
            **failed,
            "seconds": round(elapsed, 2),
            "rate": round(len(self.latencies) / elapsed),
            "p50_ms": round(1000 * ordered[len(ordered) // 2], 2),
            "p99_ms": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2),
            "max_ms": round(1000 * ordered[-1], 2),
            "longest_gap_s": round(gap, 3),
            "connections": self.opened,
            "receipts": [{"receipt": receipt, **entry} for receipt, entry in self.receipts.items()],
        }


def main() -> None:
    load = Load(arguments())
    workers = [threading.Thread(target=load.work) for _ in range(load.options.workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(json.dumps(load.report()))


if __name__ == "__main__":
    main()
