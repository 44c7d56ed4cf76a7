"""Measures: slices of load in turn, starts, idle connections."""

import os
import re
import socket
import subprocess
import time

from journal import Journal
from processes import busy_seconds, cpu_ns, rss_mib, thread_ns
from server import Server
from slices import Load, Results, Slice, keep


def found(pattern: str, text: str) -> str:
    """The first group of a pattern that must be there."""
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise SystemExit(f"wrk did not say {pattern}:\n{text}")
    return match[1]


def milliseconds(text: str) -> float:
    """Milliseconds of a duration as wrk writes it."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def load_slice(server: Server, seconds: int, load: Load, field: list[Server], journal: Journal) -> Slice:
    """Loads a running server for some seconds. What the rest of the field uses meanwhile (peers of a fan-out,
    the collector) is no disturbance, and neither is journald."""
    pid = server.pid
    rest = [each.pid for each in field if each is not server]
    records, busy, begin = journal.records(), busy_seconds(), time.perf_counter()
    before, journal_before = thread_ns(pid), cpu_ns(journal.process.pid)
    own = time.process_time() + sum(map(cpu_ns, rest)) / 1e9
    out, load_cpu = run(load.command(server.url, seconds))
    wall = time.perf_counter() - begin
    journal.settle()
    after = thread_ns(pid)
    journal_cpu = (cpu_ns(journal.process.pid) - journal_before) / 1e9
    requests = max(int(found(r"(\d+) requests in", out)), 1)
    threads = sorted((after[thread] - before.get(thread, 0) for thread in after), reverse=True)
    own = time.process_time() + sum(map(cpu_ns, rest)) / 1e9 - own + load_cpu + journal_cpu
    others = (busy_seconds() - busy - sum(threads) / 1e9 - own) / (time.perf_counter() - begin)
    errors = re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", out)
    return Slice(
        requests=requests,
        seconds=wall,
        threads_us=[spent / 1e3 / requests for spent in threads],
        load_us=load_cpu * 1e6 / requests,
        journal_us=journal_cpu * 1e6 / requests,
        records=journal.records() - records,
        p50_ms=milliseconds(found(r"^\s+50%\s+(\S+)", out)),
        p99_ms=milliseconds(found(r"^\s+99%\s+(\S+)", out)),
        rss_mib=rss_mib(pid),
        others=others,
        errors=sum(map(int, errors)),
    )


def run(command: list[str]) -> tuple[str, float]:
    """What a program printed, and the CPU seconds that it took."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        out = process.stdout.read() if process.stdout else ""
        _, process.returncode, usage = os.wait4(process.pid, 0)
    return out, usage.ru_utime + usage.ru_stime


def interleave(
    servers: list[Server], rounds: int, seconds: int, load: Load, journal: Journal, collector: Server
) -> Results:
    """Interleaved slices; a round counts only when every slice of it was undisturbed."""
    field = [*servers, collector]
    all_rounds: list[list[Slice]] = []
    try:
        for server in servers:
            server.start()
        for server in servers:
            load_slice(server, 1, load, field, journal)
        for _ in range(rounds):
            all_rounds.append([load_slice(server, seconds, load, field, journal) for server in servers])
    finally:
        for server in servers:
            server.stop()
    return keep([server.name for server in servers], all_rounds)


def start(field: dict[str, Server], rounds: int) -> dict[str, list[float]]:
    """Seconds from exec to the first 200, in turn."""
    times: dict[str, list[float]] = {name: [] for name in field}
    for _ in range(rounds):
        for name, server in field.items():
            times[name].append(server.start())
            server.stop()
    return times


def idle(server: Server, connections: int) -> tuple[int, float, float]:
    """Resident MiB before and with this many idle kept-alive connections, each of which has had one
    answer."""
    server.start()
    before = rss_mib(server.pid)
    held = []
    try:
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            connection.sendall(b"GET /hello HTTP/1.1\r\nHost: bench\r\n\r\n")
            assert connection.recv(2048).startswith(b"HTTP/1.1 200")
            held.append(connection)
        return connections, before, rss_mib(server.pid)
    finally:
        for connection in held:
            connection.close()
        server.stop()
