"""The parts of a machine that survive a power cut: its disk, and the variables of its firmware."""

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

FIRMWARE = Path("/usr/share/OVMF")
CODE, VARIABLES = FIRMWARE / "OVMF_CODE_4M.fd", FIRMWARE / "OVMF_VARS_4M.fd"
# Can be told to start only what is signed; nobody has told it yet.
SECURE_CODE = FIRMWARE / "OVMF_CODE_4M.secboot.fd"


@dataclass(frozen=True)
class Hardware:
    """The disk and the variables of the firmware."""

    disk: Path
    variables: Path
    # What was in its memory when it was stopped, for a machine that goes on from there.
    memory: Path | None = None
    # Whether its firmware knows Secure Boot.
    secure: bool = False

    @property
    def options(self) -> list[str | Path]:
        """QEMU's options for the firmware. Variables of Secure Boot can be written in SMM only."""
        protected = ["-global", "driver=cfi.pflash01,property=secure,value=on"]
        return [
            *(["-machine", "q35,smm=on", *protected] if self.secure else ["-machine", "q35"]),
            "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={SECURE_CODE if self.secure else CODE}",
            "-drive", f"if=pflash,unit=1,format=raw,file={self.variables}",
        ]  # fmt: skip

    @classmethod
    def new(cls, disk: Path) -> "Hardware":
        """Return a new machine, in whose firmware nothing is set."""
        variables = disk.with_suffix(".vars")
        shutil.copyfile(VARIABLES, variables)
        return cls(disk, variables)

    def copy(self, folder: Path) -> "Hardware":
        """Return a copy of the machine."""
        folder.mkdir()
        for file in (self.disk, self.variables):
            subprocess.run(["cp", "--sparse=always", "--reflink=auto", file, folder], check=True)
        return replace(self, disk=folder / self.disk.name, variables=folder / self.variables.name)
