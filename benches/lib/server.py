"""One server of the comparison: started on its CPUs, asked until it answers, stopped."""

import dataclasses
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

SERVER_CPU = "0"
LOAD_CPU = "1"
BOTH_CPUS = f"{SERVER_CPU},{LOAD_CPU}"


@dataclass
class Server:
    """A server program. `command` gets no shell; `stderr` None means /dev/null."""

    name: str
    port: int
    command: list[str]
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    stderr: Path | None = None
    path: str = "/hello"
    cpus: str = SERVER_CPU
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process, which must have been started."""
        if self.process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"

    def start(self) -> float:
        """Starts the server; returns seconds until the first 200."""
        if self.answers():
            raise SystemExit(f"{self.name}: something else answers on {self.url}")
        begin = time.perf_counter()
        env = {"PATH": os.environ["PATH"], **self.env}
        command = ["taskset", "-c", self.cpus, *self.command]
        with (self.stderr or Path(os.devnull)).open("w") as stderr:
            if self.stderr:
                status = os.fstat(stderr.fileno())
                env["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
            self.process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=stderr)
        while not self.answers():
            code = self.process.poll()
            if code is not None or time.perf_counter() - begin > 20:
                self.stop()
                how = "does not answer" if code is None else f"ended with {code}"
                raise SystemExit(f"{self.name} {how}: {' '.join(self.command)}")
            time.sleep(0.0005)
        return time.perf_counter() - begin

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(
                    f"GET {self.path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode()
                )
                return connection.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=30)
            self.process = None
