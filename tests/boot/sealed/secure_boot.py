"""Secure Boot with keys of our own: the firmware starts what we have signed, and nothing else. A version that
it does not start is counted like one that does not come up.

The disk is signed by the commands of docs/sealed.md. The firmware has no keys at first; the boot loader
enrols ours when it is started for the first time.
"""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from errors import RunnerError
from hardware import VARIABLES, Hardware
from lab import require
from publisher import secure_boot_key
from updates import FIRST, GOOD, NO_VERDICT, PANICS, TRIES, WRONG, Bench, Case

MANUAL = Path(__file__).resolve().parents[3] / "docs/sealed.md"
COMMANDS = re.compile(r"^## Secure Boot\n.*?^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OURS, FOREIGN = "ours", "foreign"
VARIABLE = "/sys/firmware/efi/efivars/{}-8be4df61-93ca-11d2-aa0d-00e098032b8c"
# What the boot loader says of a boot image that the firmware does not start.
DENIED = r"Error loading EFI binary \\EFI\\Linux\\uecho_{}\+\S*: (?:Access denied|Security violation)"


def enrol(hardware: Hardware) -> Hardware:
    """Sign what is on the disk, put the keys beside it, and put the disk into a computer with Secure Boot."""
    folder = hardware.disk.parent
    key, certificate = secure_boot_key(folder, OURS)
    secure_boot_key(folder, FOREIGN)
    work = folder / "sign"
    work.mkdir()
    for name, file in (("KEY", key), ("CERT", certificate), ("disk.raw", hardware.disk)):
        (work / name).symlink_to(file)
    found = COMMANDS.search(MANUAL.read_text())
    if found is None:
        raise RunnerError(f"{MANUAL} has no commands for Secure Boot")
    script = found[1].replace("VERSION", FIRST)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=work, check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise RunnerError(f"signing the disk: {done.stdout}{done.stderr}")
    shutil.copyfile(VARIABLES, hardware.variables)
    return replace(hardware, secure=True, memory=None)


def claim_secure(bench: Bench) -> None:
    """The firmware has keys, and asks for signatures."""
    for name, expected in (("SecureBoot", "1"), ("SetupMode", "0")):
        read = f"od --address-radix=n --format=u1 --skip-bytes=4 {VARIABLE.format(name)}"
        value = bench.computer.succeed(read).strip()
        require(value == expected, f"{name} is {value}, not {expected}")
    said = bench.computer.succeed("bootctl status")
    require("Secure Boot: enabled (user)" in said, f"bootctl says: {said}")


def denied(bench: Bench, name: str, *options: object) -> None:
    """A version that the firmware must not start: none of its boots gets as far as its kernel."""
    files = [f"uecho_{GOOD}.efi", f"uecho_{name}+0-{TRIES}.efi"]
    before = len(bench.computer.console.read_bytes())
    bench.try_out(name, *options)
    console = bench.computer.console.read_bytes()[before:].decode(errors="replace")
    # The firmware sends each character with what moves the cursor.
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]", "", console)
    count = len(re.findall(DENIED.format(re.escape(name)), plain))
    require(count == TRIES, f"{name} was denied {count} times, not {TRIES}: {plain}")
    quarantined = {other: NO_VERDICT for other in (WRONG, PANICS) if other <= name}
    bench.claim(GOOD, files, quarantined)
    claim_secure(bench)


def secure_boot(bench: Bench) -> str:
    """A version that is signed runs. The two after it would come up, and fail otherwise, if the firmware
    started them: one is not signed, the other by somebody else.
    """
    folder = bench.computer.folder
    claim_secure(bench)
    code = bench.try_out(GOOD, "--secure-boot", *pair(folder, OURS))
    bench.claim(GOOD, [f"uecho_{FIRST}.efi", f"uecho_{GOOD}.efi"])
    claim_secure(bench)
    denied(bench, WRONG)
    denied(bench, PANICS, "--secure-boot", *pair(folder, FOREIGN))
    return f"{GOOD}, signed, blessed, verdict {code}; {WRONG} (not signed) and {PANICS} (foreign) quarantined"


def pair(folder: Path, name: str) -> tuple[Path, Path]:
    """The key and the certificate of this name, as `secure_boot_key` has made them."""
    return folder / f"{name}.key.pem", folder / f"{name}.pem"


CASES = (Case("secure-boot", secure_boot, 1 + 2 * (TRIES + 1), prepare=enrol),)
