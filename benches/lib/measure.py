"""Slices of load and what they cost the server."""

import os
import re
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from servers import Server

LOAD_CPU = "1"
OTHERS_ALLOWED = 0.15
TICKS = 100


@dataclass
class Slice:
    """One slice of load on one server; times in the unit their name says."""

    requests: int
    seconds: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    rss_mib: float
    others: float
    errors: int


def tree(pid: int) -> list[int]:
    """The process and its children (nginx has a worker)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(grandchild for child in children for grandchild in tree(int(child)))]


def cpu_ns(pid: int) -> int:
    """CPU time of all threads of the process and its children, in nanoseconds."""
    tasks = [task for process in tree(pid) for task in Path(f"/proc/{process}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def rss_mib(pid: int) -> float:
    """Resident memory of the process and its children, in MiB."""
    def one(process: int) -> int:
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1])

    return sum(one(process) for process in tree(pid)) / 1024


def busy_seconds() -> float:
    """CPU seconds that the whole machine has spent busy."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return (user + nice + system + irq + softirq) / TICKS


def milliseconds(text: str) -> float:
    number, unit = re.match(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def load_slice(server: Server, seconds: int, connections: int, field: list[Server]) -> Slice:
    """Loads a running server for some seconds. What the rest of the field uses meanwhile (peers of a fan-out) is no disturbance."""
    pid = server.process.pid
    rest = [each.process.pid for each in field if each is not server]
    command = ["taskset", "-c", LOAD_CPU, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", server.url]
    cpu, busy, begin = cpu_ns(pid), busy_seconds(), time.perf_counter()
    own = time.process_time() + sum(map(cpu_ns, rest)) / 1e9
    wrk = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    out = wrk.stdout.read()
    _, _, usage = os.wait4(wrk.pid, 0)
    wall = time.perf_counter() - begin
    cpu = (cpu_ns(pid) - cpu) / 1e9
    requests = int(re.search(r"(\d+) requests in", out)[1])
    errors = sum(int(number) for number in re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", out))
    # what this process itself uses is the telemetry's sinks
    own = time.process_time() + sum(map(cpu_ns, rest)) / 1e9 - own + sum(usage[:2])
    others = (busy_seconds() - busy - cpu - own) / wall
    return Slice(
        requests=requests,
        seconds=wall,
        cpu_us=cpu * 1e6 / max(requests, 1),
        p50_ms=milliseconds(re.search(r"^\s+50%\s+(\S+)", out, re.MULTILINE)[1]),
        p99_ms=milliseconds(re.search(r"^\s+99%\s+(\S+)", out, re.MULTILINE)[1]),
        rss_mib=rss_mib(pid),
        others=others,
        errors=errors,
    )


def load(field: dict[str, Server], rounds: int, seconds: int) -> dict[str, list[Slice]]:
    """Interleaved slices; a round counts only when every slice of it was undisturbed."""
    return interleave(list(field.values()), rounds, seconds, connections=64)


def interleave(servers: list[Server], rounds: int, seconds: int, connections: int) -> dict[str, list[Slice]]:
    for server in servers:
        server.start()
    all_rounds: list[list[Slice]] = []
    try:
        for server in servers:
            load_slice(server, 1, connections, servers)
        for _ in range(rounds):
            all_rounds.append([load_slice(server, seconds, connections, servers) for server in servers])
    finally:
        for server in servers:
            server.stop()
    kept = [slices for slices in all_rounds if max(each.others for each in slices) <= OTHERS_ALLOWED]
    print(f"\n{len(kept)} of {rounds} rounds kept (others used at most {OTHERS_ALLOWED} of a core)")
    if not kept:
        print("DISTURBED: no round was quiet; the figures below are of all rounds and compare poorly")
        kept = all_rounds
    return {server.name: [slices[index] for slices in kept] for index, server in enumerate(servers)}


def start(field: dict[str, Server], rounds: int) -> dict[str, list[float]]:
    """Seconds from exec to the first 200, in turn."""
    times: dict[str, list[float]] = {name: [] for name in field}
    for _ in range(rounds):
        for name, server in field.items():
            times[name].append(server.start())
            server.stop()
    return times


def idle(server: Server, connections: int) -> tuple[int, float, float]:
    """Resident MiB before and with this many idle kept-alive connections, each of which has had one answer."""
    server.start()
    before = rss_mib(server.process.pid)
    held = []
    try:
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            connection.sendall(b"GET /hello HTTP/1.1\r\nHost: bench\r\n\r\n")
            assert connection.recv(2048).startswith(b"HTTP/1.1 200")
            held.append(connection)
        return connections, before, rss_mib(server.process.pid)
    finally:
        for connection in held:
            connection.close()
        server.stop()


def fanout(servers: list[Server], rounds: int, seconds: int, connections: int) -> dict[str, list[Slice]]:
    """Eight-way fan-out over peers that take 10 ms; the peers alone are the yardstick for latency."""
    for server in servers[1:]:
        server.path = "/api/v1/fanout/hello"
    return interleave(servers, rounds, seconds, connections)
