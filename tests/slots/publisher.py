"""Who publishes: keys made for one run, and nixos/publish.sh as it ships."""

import os
import subprocess
from pathlib import Path

from appliance import Outcome
from device import tool

SCRIPT = Path(__file__).resolve().parents[2] / "nixos/publish.sh"


class Publisher:
    """Has an Ed25519 key of its own, and a keyring with the public half for machines to trust."""

    def __init__(self, home: Path, *, expires: str = "never", at: str = "") -> None:
        """`at`: the time in which it lives, as gpg writes times; now by default."""
        self.home = home
        home.mkdir(mode=0o700)
        if at:
            (home / "gpg.conf").write_text(f"faked-system-time {at}!\n")
        name = f"{home.name} <{home.name}@example.org>"
        self.gpg("--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", expires)
        self.keyring = home / "import-pubring.gpg"
        self.gpg("--output", str(self.keyring), "--export")

    def gpg(self, *arguments: str) -> str:
        return tool(["gpg", "--batch", "--quiet", "--homedir", str(self.home), *arguments])

    def publish(self, to: Path, *arguments: object) -> Outcome:
        """Run the script; what it is not given is `--to` and where the key is."""
        result = subprocess.run(
            [str(SCRIPT), "--to", str(to), "--gnupg-home", str(self.home), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={**os.environ, "TZ": "UTC"},
        )
        return Outcome(result.returncode, result.stdout)

    def sign(self, to: Path) -> None:
        """Sign a list that the script would not have made."""
        signature = to / "SHA256SUMS.gpg"
        signature.unlink(missing_ok=True)
        self.gpg("--output", str(signature), "--detach-sign", str(to / "SHA256SUMS"))


def secure_boot_key(directory: Path, name: str) -> tuple[Path, Path]:
    """Make a key for Secure Boot, and its certificate."""
    key, certificate = directory / f"{name}.key.pem", directory / f"{name}.pem"
    tool([
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}/", "-days", "1",
        "-keyout", str(key), "-out", str(certificate),
    ])  # fmt: skip
    return key, certificate
