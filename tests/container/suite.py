"""Find the scenarios and run them one after the other, each on fresh machines.

A module in setup/ says what the machines of a scenario need beyond the installed program. It applies to the
scenario of its name and to those whose names begin with it and a dash. All of its parts are optional:

- PACKAGES: more Debian packages for the root
- MACHINES: names of the machines (default: "machine"); several share a network and know each other by name
- ADDRESSES: those that some of them must have
- CREDENTIALS: system credentials that the machines get from outside, as from a hypervisor, by name
- TIMEOUT_SECONDS: for the whole scenario
- prepare(root, name): called before the boot with the root of the machine `name`, in which the program is
  installed
"""

import importlib
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType

import boundary
import install
import network
import rootfs
from driver import symbols
from errors import RunnerError
from machine import Machine
from report import Report

from container import Container

SCENARIO_SECONDS = 900


@dataclass(frozen=True)
class Scenario:
    """A script, and the module in setup/ for its machines."""

    name: str
    script: Path
    setup: ModuleType | None

    @property
    def packages(self) -> tuple[str, ...]:
        return tuple(getattr(self.setup, "PACKAGES", ()))

    @property
    def credentials(self) -> dict[str, str]:
        return dict(getattr(self.setup, "CREDENTIALS", {}))

    @property
    def machines(self) -> tuple[str, ...]:
        return tuple(getattr(self.setup, "MACHINES", ("machine",)))


def select(repository: Path, names: list[str]) -> list[Scenario]:
    """Return the scenarios called `names` (file names or stems), or all."""
    setups = sorted(path.stem for path in (Path(__file__).parent / "setup").glob("*.py"))
    found = {}
    for script in sorted((repository / "tests/scenarios").glob("*.py")):
        stem = script.stem
        matching = [name for name in setups if stem == name or stem.startswith(f"{name}-")]
        setup = importlib.import_module(f"setup.{max(matching, key=len)}") if matching else None
        found[stem] = Scenario(stem, script, setup)
    wanted = [Path(name).stem for name in names] or list(found)
    if unknown := [name for name in wanted if name not in found]:
        raise RunnerError(f"no scenario is called {', '.join(unknown)}; there are: {', '.join(found)}")
    return [found[name] for name in wanted]


def run(scenarios: list[Scenario], repository: Path, bin_dir: Path, *, verbose: bool, keep: bool) -> int:
    """Run the scenarios; return the exit status."""
    signal.signal(signal.SIGALRM, expire)
    failed = 0
    for scenario in scenarios:
        start = time.monotonic()
        print(scenario.name, flush=True)
        passed = run_one(scenario, repository, bin_dir, verbose=verbose, keep=keep)
        failed += not passed
        print(
            f"{'ok  ' if passed else 'FAIL'} {scenario.name} ({time.monotonic() - start:.1f} s)", flush=True
        )
    print(f"scenarios: {len(scenarios) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def run_one(scenario: Scenario, repository: Path, bin_dir: Path, *, verbose: bool, keep: bool) -> bool:
    directory = boundary.state()
    report = Report(verbose, directory / "out" / scenario.name)
    names = sorted(scenario.machines)
    addresses = network.addresses(names, getattr(scenario.setup, "ADDRESSES", {}))
    containers: list[Container] = []
    bridge = network.create() if len(names) > 1 else None
    signal.alarm(getattr(scenario.setup, "TIMEOUT_SECONDS", SCENARIO_SECONDS))
    try:
        for name in names:
            container = Container(
                name, rootfs.path(scenario.packages), directory / name, bridge, scenario.credentials
            )
            containers.append(container)
            (container.root / "etc/hosts").write_text(network.hosts(addresses if bridge else {}))
            install.install(container.root, repository, bin_dir)
            if prepare := getattr(scenario.setup, "prepare", None):
                prepare(container.root, name)
        machines = [
            Machine(container, report, network.link(container, addresses[container.name]))
            for container in containers
        ]
        code = compile(scenario.script.read_text(), str(scenario.script), "exec")
        exec(code, symbols(machines, report))  # noqa: S102 - running it is the purpose
        return True
    except Exception as error:  # noqa: BLE001 - whatever a scenario raises is its failure
        signal.alarm(0)
        explain(report, scenario, containers, error)
        if keep and any(container.is_up() for container in containers):
            hold(containers)
        return False
    finally:
        signal.alarm(0)
        for container in containers:
            container.destroy()
        if bridge:
            network.remove()


def explain(report: Report, scenario: Scenario, containers: list[Container], error: Exception) -> None:
    """Print everything that helps to understand a failure without running the scenario again."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(scenario.script)
    ]
    where = traceback.format_list(frames) if frames else traceback.format_exception(error)
    report.explain("last steps", "\n".join(report.steps))
    for container in containers:
        if container.is_up():
            try:
                status = container.run("systemctl --no-pager --full status 'uecho*' 2>&1 || :", 20)[1]
                journal = container.run(
                    "journalctl --no-pager --boot --lines=40 --output=short-precise 2>&1 || :", 20
                )[1]
                report.explain(f"{container.name}: units", status)
                report.explain(f"{container.name}: journal", journal)
            except OSError as problem:
                report.explain(f"{container.name}: cannot be entered", str(problem))
        report.explain(f"{container.name}: console", container.console_tail())
    report.explain("failure", "".join(where) + f"{type(error).__name__}: {error}")


def hold(containers: list[Container]) -> None:
    """Leave the machines running until Ctrl-C."""
    for container in containers:
        # Outside the namespace of this run, process ids differ.
        init = f"$(head -n 1 {container.group}/payload/init.scope/cgroup.procs)"
        print(f"kept {container.name}: nsenter -t {init} -m -u -i -n -p -C bash", flush=True)
    print("press Ctrl-C to end", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        print(file=sys.stderr)


def expire(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError("the scenario has used up its time")
