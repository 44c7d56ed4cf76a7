"""The servers of the comparison: how each is started, where it listens, and the sinks that telemetry goes to."""

import http.server
import os
import resource
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field as dataclass_field
from pathlib import Path

SERVER_CPU = "0"
JOURNAL = Path("/run/systemd/journal")
QUEUE_LENGTH = Path("/proc/sys/net/unix/max_dgram_qlen")


def hide_journal_sinks() -> None:
    """Takes away what is mounted over the journal's place in these private mounts."""
    while subprocess.run(["umount", "--lazy", JOURNAL], stderr=subprocess.DEVNULL).returncode == 0:
        pass


@dataclass
class Server:
    """A server program. `command` gets no shell; `stderr` None means /dev/null."""

    name: str
    port: int
    command: list[str]
    env: dict[str, str] = dataclass_field(default_factory=dict)
    stderr: Path | None = None
    path: str = "/hello"
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"

    def start(self) -> float:
        """Starts the server; returns seconds until the first 200."""
        begin = time.perf_counter()
        stderr = open(self.stderr or os.devnull, "w")
        env = {"PATH": os.environ["PATH"], **self.env}
        if self.stderr:
            status = os.fstat(stderr.fileno())
            env["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
        command = ["taskset", "-c", SERVER_CPU, *self.command]
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=stderr)
        while not self.answers():
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended with {self.process.returncode}: {' '.join(self.command)}")
            if time.perf_counter() - begin > 20:
                raise SystemExit(f"{self.name} does not answer on {self.url}")
            time.sleep(0.0005)
        return time.perf_counter() - begin

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"GET {self.path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
                return connection.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=30)
            self.process = None


class JournalSink:
    """A socket that takes journal records and counts those of requests, in the journal's place; the caller has mounts of its own."""

    def __init__(self, directory: Path):
        self.directory = directory / "journal"
        self.directory.mkdir()
        # a socket takes the length of its queue from here when it is made; systemd raises it to this much when it boots
        previous = QUEUE_LENGTH.read_text()
        QUEUE_LENGTH.write_text("512")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        QUEUE_LENGTH.write_text(previous)
        self.socket.bind(str(self.directory / "socket"))
        JOURNAL.mkdir(parents=True, exist_ok=True)
        hide_journal_sinks()
        subprocess.run(["mount", "--bind", self.directory, JOURNAL], check=True)
        self.records = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while True:
            self.records += b"HTTP_ROUTE" in self.socket.recv(1 << 16)


class Collector(http.server.BaseHTTPRequestHandler):
    """An OTLP collector that accepts everything."""

    exports = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        type(self).exports += 1
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def collector() -> int:
    """Starts a collector; returns its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def uecho(root: Path, directory: Path, name: str, port: int, settings: str, otlp: int) -> Server:
    config = directory / f"{name.replace(' ', '-')}.toml"
    config.write_text(
        f"{settings}\n[public]\nlisten = \"127.0.0.1:{port}\"\n[ops]\nlisten = \"127.0.0.1:{port + 500}\"\n"
        f"[otlp]\nendpoint = \"http://127.0.0.1:{otlp}\"\nsample_ratio = 0.01\n"
    )
    command = [str(root / "target/release/uecho"), "--config", str(config)]
    return Server(name, port, command, stderr=directory / f"{config.stem}.stderr")


def field(root: Path, directory: Path) -> dict[str, Server]:
    """Every server of the comparison; the first is what the others are measured against."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    otlp = collector()
    peers = root / "benches/peers/target/release"
    many = "[limits]\nconnections = 20000\nidle = \"10m\"\n"
    found = [
        Server("bare hyper", 18090, [str(root / "target/release/examples/bare-hyper"), "127.0.0.1:18090"]),
        uecho(root, directory, "uecho", 18080, many, otlp),
        uecho(root, directory, "uecho, all logged", 18081, many + "[log]\naccess = \"all\"\n", otlp),
        Server("axum + usual telemetry", 18091, [str(peers / "axum-stack"), "127.0.0.1:18091"], stderr=directory / "axum.stderr"),
    ]
    if shutil.which("nginx"):
        config = directory / "nginx.conf"
        template = (root / "benches/peers/nginx.conf").read_text()
        config.write_text(template.replace("@dir@", str(directory)).replace("@address@", "127.0.0.1:18092"))
        found.append(Server("nginx, access log", 18092, ["nginx", "-c", str(config)]))
    go = root / "benches/peers/target/echo-go"
    if go.exists():
        found.append(Server("Go original", 18093, [str(go), "127.0.0.1:18093"]))
    return {server.name: server for server in found}


def fanouts(root: Path, directory: Path) -> list[Server]:
    """The slow peers alone, uecho's fan-out over eight of them, and the reqwest one."""
    peers = root / "benches/peers/target/release"
    addresses = [f"127.0.0.1:{port}" for port in range(18101, 18109)]
    urls = [f"http://{address}" for address in addresses]
    listed = ", ".join(f'"{url}"' for url in urls)
    return [
        Server("peer alone", 18101, ["taskset", "-c", "1", str(peers / "slow-peer"), *addresses]),
        uecho(root, directory, "uecho fan-out", 18110, f"[fanout]\npeers = [{listed}]\n", collector()),
        Server("reqwest", 18111, [str(peers / "reqwest-fanout"), "127.0.0.1:18111", *urls]),
    ]
