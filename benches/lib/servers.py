"""The servers of the comparison: who they are, where they listen, and what takes their traces."""

import dataclasses
import resource
import shutil
from pathlib import Path

from server import BOTH_CPUS, LOAD_CPU, Server

MANY = '[limits]\nconnections = 20000\nidle = "10m"\n'


def collector(root: Path) -> Server:
    """The collector of everybody's traces. It is on wrk's CPU, and takes as little of it as one can: a real
    one is on another machine."""
    command = [str(root / "benches/peers/target/release/collector"), "127.0.0.1:18190"]
    return Server("collector", 18190, command, path="/", cpus=LOAD_CPU)


def uecho(root: Path, directory: Path, name: str, port: int, settings: str, otlp: int | None) -> Server:
    """The service with its whole telemetry (no collector: without traces), with a worker for each CPU that it
    is pinned to."""
    config = directory / f"uecho-{port}.toml"
    traces = f'[otlp]\nendpoint = "http://127.0.0.1:{otlp}"\nsample_ratio = 0.01\n' if otlp else ""
    config.write_text(
        f'{settings}\n[public]\nlisten = "127.0.0.1:{port}"\n'
        f'[ops]\nlisten = "127.0.0.1:{port + 500}"\n{traces}'
    )
    command = [str(root / "target/release/uecho"), "--config", str(config)]
    return Server(name, port, command, stderr=directory / f"{config.stem}.stderr")


def nginx(root: Path, directory: Path, name: str, port: int, workers: int) -> list[Server]:
    """nginx with its access log, if it is installed."""
    if not shutil.which("nginx"):
        return []
    config = directory / f"nginx-{port}.conf"
    text = (root / "benches/peers/nginx.conf").read_text()
    place = {"@dir@": str(directory), "@address@": f"127.0.0.1:{port}", "@workers@": str(workers)}
    for key, value in place.items():
        text = text.replace(key, value)
    config.write_text(text)
    return [Server(name, port, ["nginx", "-c", str(config)])]


def go(root: Path, name: str, port: int, threads: int) -> list[Server]:
    """The original on Go's net/http, if Go is installed."""
    program = root / "benches/peers/target/echo-go"
    env = {"GOMAXPROCS": str(threads)}
    return [Server(name, port, [str(program), f"127.0.0.1:{port}"], env)] if program.exists() else []


def axum(root: Path, directory: Path, name: str, port: int, workers: int) -> Server:
    """The usual axum service with the usual telemetry."""
    command = [str(root / "benches/peers/target/release/axum-stack"), f"127.0.0.1:{port}", str(workers)]
    return Server(name, port, command, stderr=directory / f"axum-{port}.stderr")


def field(root: Path, directory: Path, otlp: int) -> dict[str, Server]:
    """Every server of the comparison on one CPU; the first is what the others are measured against."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    bare = [str(root / "target/release/examples/bare-hyper"), "127.0.0.1:18090"]
    found = [
        Server("bare hyper", 18090, bare),
        uecho(root, directory, "uecho", 18080, MANY, otlp),
        # an export takes time on both CPUs: this row shows what capacity and p99 are without
        uecho(root, directory, "uecho, no traces", 18081, MANY, None),
        axum(root, directory, "axum + usual telemetry", 18091, 1),
        *nginx(root, directory, "nginx, access log", 18092, 1),
        *go(root, "Go original", 18093, 1),
    ]
    return {server.name: server for server in found}


def logged(root: Path, directory: Path, otlp: int) -> list[Server]:
    """Who leaves a record of every request in the journal: fields by its own protocol, or lines by the stream
    that systemd gives a service for its stderr."""
    native = axum(root, directory, "axum, tracing-journald", 18121, 1)
    stream = axum(root, directory, "axum, lines", 18122, 1)
    native.command.append("journald")
    # systemd-cat connects the stream and becomes the program
    stream = dataclasses.replace(
        stream, command=["systemd-cat", "--identifier=axum-stack", *stream.command], stderr=None
    )
    return [uecho(root, directory, "uecho", 18120, MANY + '[log]\naccess = "all"\n', otlp), native, stream]


def cores(root: Path, directory: Path, otlp: int) -> list[Server]:
    """One worker and two, and what a user would pick with two, each on both CPUs. nginx's workers share
    nothing but the kernel: what its second worker costs, the machine costs."""
    found = [
        *(uecho(root, directory, f"uecho, {n}", 18129 + n, f"workers = {n}\n{MANY}", otlp) for n in (1, 2)),
        *nginx(root, directory, "nginx, 1", 18132, 1),
        *nginx(root, directory, "nginx, 2", 18133, 2),
        *go(root, "Go, 2", 18134, 2),
        axum(root, directory, "axum + usual telemetry, 2", 18135, 2),
    ]
    return [dataclasses.replace(server, cpus=BOTH_CPUS) for server in found]


def fanouts(root: Path, directory: Path, otlp: int) -> list[Server]:
    """The slow peers alone, uecho's fan-out over eight of them, and the reqwest one."""
    peers = root / "benches/peers/target/release"
    addresses = [f"127.0.0.1:{port}" for port in range(18101, 18109)]
    urls = [f"http://{address}" for address in addresses]
    listed = ", ".join(f'"{url}"' for url in urls)
    reqwest = [str(peers / "reqwest-fanout"), "127.0.0.1:18111", *urls]
    found = [
        Server("peer alone", 18101, [str(peers / "slow-peer"), *addresses], cpus=LOAD_CPU),
        uecho(root, directory, "uecho fan-out", 18110, f"[fanout]\npeers = [{listed}]\n", otlp),
        Server("reqwest", 18111, reqwest),
    ]
    for server in found[1:]:
        server.path = "/api/v1/fanout/hello"
    return found
