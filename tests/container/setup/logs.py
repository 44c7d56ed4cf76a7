"""Set-up of the scenario `logs`: a node that sends its journal, and the archive that takes it.

The units are those of systemd, with the drop-ins that NixOS has, too. In front of the receiver is nginx, as
there.
"""

import shutil
import subprocess
from pathlib import Path

import boundary
from install import drop_in, enable

PACKAGES = ("jq", "nginx", "systemd-journal-remote")
MACHINES = ("archive", "n1")
REPOSITORY = Path(__file__).resolve().parents[3]

UPLOAD = """\
[Upload]
URL=https://archive:19533
NetworkTimeoutSec=15s
ServerKeyFile=/run/credentials/systemd-journal-upload.service/journal-upload.key
ServerCertificateFile=/run/credentials/systemd-journal-upload.service/journal-upload.cert
TrustedCertificateFile=/run/credentials/systemd-journal-upload.service/journal-upload.ca
"""
# Small files, so that many are full.
REMOTE = """\
[Remote]
MaxFileSize=1M
MaxFiles=1000
"""
RECEIVE = """\
[Service]
ExecStart=
ExecStart=/usr/lib/systemd/systemd-journal-remote --listen-http=-3 --output=/var/log/journal/remote/
"""
SOCKET = """\
[Socket]
ListenStream=
ListenStream=127.0.0.1:19532
"""
NGINX = """\
error_log stderr;
pid /run/nginx.pid;
events {}
http {
  include /etc/nginx/journal-proxy.conf;
}
"""
IMPORT = "[Service]\nImportCredential=journal-receive.*\n"
# Every request of the service, to see its fields arrive.
SERVICE = "[Service]\nEnvironment=UECHO_LOG__ACCESS=all\n"


def prepare(root: Path, name: str) -> None:
    (root / "var/log/journal").mkdir(exist_ok=True)
    if name == "archive":
        archive(root)
    else:
        credentials(root, "journal-upload", name)
        (root / "etc/systemd/journal-upload.conf").write_text(UPLOAD)
        shipped(root, "journal-upload")
        drop_in(root, "uecho.service", "test.conf", SERVICE)
        enable(root, "systemd-journal-upload.service")
        (root / "etc/systemd/system/nginx.service").symlink_to("/dev/null")


def archive(root: Path) -> None:
    credentials(root, "journal-receive", "archive")
    (root / "etc/systemd/journal-remote.conf").write_text(REMOTE)
    shipped(root, "journal-remote")
    drop_in(root, "systemd-journal-remote.service", "zz-test.conf", RECEIVE)
    drop_in(root, "systemd-journal-remote.socket", "zz-test.conf", SOCKET)
    enable(root, "systemd-journal-remote.socket")
    (root / "etc/nginx/nginx.conf").write_text(NGINX)
    shutil.copy(REPOSITORY / "tests/container/journal-proxy.conf", root / "etc/nginx")
    drop_in(root, "nginx.service", "test.conf", IMPORT)
    # As writeShellApplication does.
    script = root / "usr/local/bin/uecho-log-archive"
    script.write_text(f"#!/bin/bash\n{(REPOSITORY / 'nixos/log-archive.sh').read_text()}")
    script.chmod(0o755)


def shipped(root: Path, name: str) -> None:
    """Put a drop-in of the repository in force."""
    text = (root / f"usr/share/uecho/{name}.conf").read_text()
    drop_in(root, f"systemd-{name}.service", "uecho.conf", text)


def credentials(root: Path, prefix: str, name: str) -> None:
    """Give a machine its key, its certificate and the authority's."""
    made = boundary.state() / "certificates"
    if not made.is_dir():
        script = REPOSITORY / "tests/scenarios/tools/journal-certificates.sh"
        subprocess.run([script, made, *MACHINES], check=True)
    store = root / "etc/credstore"
    store.mkdir(mode=0o700, exist_ok=True)
    for source, kind in [(f"{name}.key", "key"), (f"{name}.cert", "cert"), ("ca.cert", "ca")]:
        shutil.copy(made / source, store / f"{prefix}.{kind}")
        (store / f"{prefix}.{kind}").chmod(0o600)
