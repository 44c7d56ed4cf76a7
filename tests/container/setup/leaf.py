"""Set-up of the scenario `leaf`: the stricter drop-in is active."""

import shutil
from pathlib import Path


def prepare(root: Path, _name: str) -> None:
    directory = root / "etc/systemd/system/uecho.service.d"
    directory.mkdir(parents=True)
    shutil.copy(root / "usr/share/uecho/leaf.conf", directory / "leaf.conf")
