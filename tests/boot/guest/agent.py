"""The agent in the machine: it says hello once per boot on a port of the virtual hardware, then runs the
commands that it gets, one JSON object a line.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

PORT = "/dev/virtio-ports/lab"


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run one command; return its status and output."""
    try:
        result = subprocess.run(
            ["bash", "-c", f"set -euo pipefail; {request['command']}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=request["timeout"],
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return {"status": 124, "output": text(error.stdout), "errors": text(error.stderr)}
    return {"status": result.returncode, "output": text(result.stdout), "errors": text(result.stderr)}


def text(printed: bytes | None) -> str:
    return (printed or b"").decode(errors="replace")


def main() -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    with open(PORT, "r+b", buffering=0) as port:

        def say(message: dict[str, Any]) -> None:
            port.write(json.dumps(message).encode() + b"\n")

        # The new line ends what a reset may have cut short.
        port.write(b"\n")
        say({"hello": boot})
        pending = b""
        while True:
            pending += port.read(65536) or b""
            while b"\n" in pending:
                line, pending = pending.split(b"\n", 1)
                request = json.loads(line)
                say({"number": request["number"], **answer(request)})


main()
