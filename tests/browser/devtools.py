"""A headless Chromium, driven over its DevTools pipe: it opens pages, runs scripts in them, and reports
complaints and pictures.
"""

import base64
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

PATIENCE = 60
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-pipe",
]


class Browser:
    """A browser with one page; a context manager."""

    def __init__(self, width: int = 1280, height: int = 1000) -> None:
        self.profile = tempfile.TemporaryDirectory(prefix="uecho-browser-")
        to_browser, commands = os.pipe()
        answers, from_browser = os.pipe()
        self.commands, self.answers = os.fdopen(commands, "wb", buffering=0), answers
        command = [
            "chromium",
            *FLAGS,
            f"--user-data-dir={self.profile.name}",
            f"--window-size={width},{height}",
            "about:blank",
        ]
        # Chromium expects the pipe at descriptors 3 and 4, whatever their numbers are here.
        shell = ["bash", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "bash", *command]
        self.process = subprocess.Popen(
            shell, pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.number, self.session = b"", 0, None
        self.events: list[dict[str, Any]] = []
        page = next(
            target for target in self.call("Target.getTargets")["targetInfos"] if target["type"] == "page"
        )
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)[
            "sessionId"
        ]
        for domain in ["Page", "Log", "Runtime"]:
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.commands.close()
        os.close(self.answers)
        self.profile.cleanup()

    def receive(self) -> dict[str, Any]:
        """Return the next message."""
        while b"\0" not in self.buffer:
            received = os.read(self.answers, 1 << 16)
            if not received:
                raise RuntimeError(f"chromium ended with {self.process.wait(10)}")
            self.buffer += received
        message, _, self.buffer = self.buffer.partition(b"\0")
        return dict(json.loads(message))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; keep the events that come before it."""
        self.number += 1
        command = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            command["sessionId"] = self.session
        self.commands.write(json.dumps(command).encode() + b"\0")
        while True:
            message = self.receive()
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return dict(message["result"])
            self.events.append(message)

    def open(self, url: str) -> None:
        """Load a page and wait until it is drawn."""
        self.events.clear()
        failed = self.call("Page.navigate", url=url).get("errorText")
        if failed:
            raise RuntimeError(f"{url}: {failed}")
        deadline = time.monotonic() + PATIENCE
        while self.run("document.readyState") != "complete":
            if time.monotonic() > deadline:
                raise RuntimeError(f"{url}: never complete")
            time.sleep(0.05)
        self.run(
            "new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(() => drawn(null))))"
        )

    def run(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page. The content security policy of the page
        does not apply to it.
        """
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def complaints(self) -> list[str]:
        """Return what the browser has logged since the page was opened, including violations of its policy,
        and the dialogs that it wanted to show.
        """
        texts = [
            event["params"]["entry"]["text"]
            for event in self.events
            if event.get("method") == "Log.entryAdded"
        ]
        shown = ("Page.javascriptDialogOpening", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return texts + [event["method"] for event in self.events if event.get("method") in shown]

    def picture(self, path: Path) -> None:
        """Save the content of the window as PNG."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))
