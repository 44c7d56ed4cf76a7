"""What a runner needs of the machine that it runs on."""

import os
from collections.abc import Iterable
from pathlib import Path

import rootfs
from errors import RunnerError


def check(why_root: str, tools: list[str], packages: str, files: Iterable[Path] = ()) -> None:
    """Assert that this runs as root, and that the tools, and the files of Debian's packages, are here."""
    if os.geteuid() != 0:
        raise RunnerError(f"{why_root}: run this as root")
    missing = [*rootfs.missing_tools(tools), *(str(file) for file in files if not file.is_file())]
    if missing:
        raise RunnerError(
            f"missing on this machine: {', '.join(missing)}; on Debian: apt-get install {packages}"
        )


def check_built(bin_dir: Path, *programs: str) -> None:
    """Assert that cargo has built these programs."""
    for program in programs:
        if not (bin_dir / program).is_file():
            raise RunnerError(
                f"{bin_dir}/{program} does not exist: run `cargo build --release` or say --bin-dir"
            )
