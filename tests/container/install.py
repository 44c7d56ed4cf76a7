"""Install the program and its units into a root, as a package does: binaries, and enabled units with the real
path.
"""

import shutil
import subprocess
from pathlib import Path

BINARIES = "/usr/bin"
UNITS = "usr/lib/systemd/system"
ENABLED = ("uecho.service", "uecho.socket", "uecho-ops.socket")


def install(root: Path, repository: Path, bin_dir: Path) -> None:
    """Put everything from `bin_dir` and `repository` in place.

    The drop-in for leaf nodes is installed, but not active.
    """
    for binary in ("uecho", "uecho-deploy", "uecho-guard", "uecho-pull"):
        if (bin_dir / binary).is_file():
            shutil.copy2(bin_dir / binary, root / BINARIES.lstrip("/") / binary)
    for unit in sorted(path for path in (repository / "systemd").iterdir() if path.is_file()):
        directory = root / UNITS if unit.suffix != ".conf" else root / "usr/share/uecho"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / unit.name).write_text(unit.read_text().replace("@bindir@", BINARIES))
    enable(root, *ENABLED)
    for tool in (repository / "tests/scenarios/tools").glob("*.py"):
        shutil.copy2(tool, root / "usr/local/bin" / tool.stem)


def enable(root: Path, *units: str) -> None:
    """Enable `units` in `root`, without a running systemd there."""
    subprocess.run(["systemctl", f"--root={root}", "--quiet", "enable", *units], check=True)


def drop_in(root: Path, unit: str, name: str, text: str) -> None:
    """Write a drop-in as an administrator would."""
    directory = root / f"etc/systemd/system/{unit}.d"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(text)
