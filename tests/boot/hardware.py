"""What of a machine outlives a power cut: its disk, and the variables of its firmware."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

FIRMWARE = Path("/usr/share/OVMF")
CODE, VARIABLES = FIRMWARE / "OVMF_CODE_4M.fd", FIRMWARE / "OVMF_VARS_4M.fd"


@dataclass(frozen=True)
class Hardware:
    """What survives a power cut: the disk and the firmware's variables."""

    disk: Path
    variables: Path

    @classmethod
    def new(cls, disk: Path) -> "Hardware":
        """A machine as delivered: nothing is set in its firmware."""
        variables = disk.with_suffix(".vars")
        shutil.copyfile(VARIABLES, variables)
        return cls(disk, variables)

    def copy(self, folder: Path) -> "Hardware":
        """The same machine a second time."""
        folder.mkdir()
        for file in (self.disk, self.variables):
            subprocess.run(["cp", "--sparse=always", "--reflink=auto", file, folder], check=True)
        return Hardware(folder / self.disk.name, folder / self.variables.name)
