"""Set-up of the scenario `metadata`: the example for a cloud instance is installed."""

import shutil
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[3] / "docs/cloud-metadata"


def prepare(root: Path, _name: str) -> None:
    for source, target in {
        "uecho-metadata.sh": "usr/local/libexec",
        "uecho-metadata.service": "etc/systemd/system",
        "metadata.conf": "etc/systemd/system/uecho.service.d",
    }.items():
        folder = root / target
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(EXAMPLE / source, folder / source)
