"""The output of a run: a line per scenario and subtest, what a scenario prints, and evidence of failures."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Report:
    """The report, which is also the global `log` of a scenario (`info`, `warning`, `error`, `log`)."""

    def __init__(self, verbose: bool, out: Path) -> None:
        self.verbose = verbose
        # Where copy_from_machine puts its files.
        self.out = out
        # The last steps, shown only if the scenario fails.
        self.steps: deque[str] = deque(maxlen=60)

    def line(self, text: str) -> None:
        print(text, flush=True)

    def detail(self, text: str) -> None:
        """Record a step, which is shown if something fails or with `verbose`."""
        self.steps.append(text)
        if self.verbose:
            self.line(f"      {text}")

    @contextmanager
    def nested(self, text: str, attributes: dict[str, str] | None = None) -> Iterator[None]:
        start = time.monotonic()
        self.detail(text)
        yield
        if (seconds := time.monotonic() - start) > 1:
            self.detail(f"(took {seconds:.1f} s) {text}")

    @contextmanager
    def subtest(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        self.detail(f"subtest: {name}")
        try:
            yield
        except BaseException as error:
            self.line(f"  FAIL {name}: {type(error).__name__}: {error}")
            raise
        self.line(f"  ok   {name} ({time.monotonic() - start:.1f} s)")

    def log(self, msg: str, attributes: dict[str, str] | None = None) -> None:
        self.line(f"       {msg}")

    def info(self, *args: object) -> None:
        self.log(" ".join(map(str, args)))

    def warning(self, *args: object) -> None:
        self.log(f"warning: {' '.join(map(str, args))}")

    def error(self, *args: object) -> None:
        self.log(f"error: {' '.join(map(str, args))}")

    def explain(self, title: str, text: str) -> None:
        """Print a block of evidence for a failure."""
        self.line(f"  --- {title}")
        for row in text.rstrip().splitlines():
            self.line(f"  | {row}")
        sys.stdout.flush()
