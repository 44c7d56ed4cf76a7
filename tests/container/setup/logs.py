"""Set-up of the scenario `logs`: a node that sends its journal, and the archive that takes it.

The units are those of systemd, with the drop-ins that NixOS has, too. In front of the receiver is nginx, as
there. The metrics are written by the script that NixOS has, by a unit that does what the one there does.
"""

import shutil
import subprocess
from pathlib import Path

import boundary
from install import drop_in, enable

from setup import balancer

PACKAGES = balancer.PACKAGES
MACHINES = ("archive", "n1")
# Who has a certificate: the machines of the fleet with which the containers do.
CERTIFIED = ("archive", "lb", "n1", "n2", "n3", "obs")
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
METRICS = """\
[Service]
Type=oneshot
ExecStart=/usr/local/bin/uecho-log-metrics --to /run/uecho-log-metrics/metrics.prom {arguments}
CapabilityBoundingSet=CAP_DAC_READ_SEARCH
RuntimeDirectory=uecho-log-metrics
RuntimeDirectoryPreserve=yes
PrivateNetwork=yes
ProtectSystem=strict
UMask=0022
"""
TIMER = """\
[Timer]
OnBootSec=5s
OnUnitInactiveSec=30s
AccuracySec=1s

[Install]
WantedBy=timers.target
"""
# Where the uploader and the archive leave what is looked at.
SENT = "--sent archive=/var/lib/systemd/journal-upload/state"
SEALED = "--archived seal=/var/lib/uecho-log-archive/.sealed"
IMPORT = "[Service]\nImportCredential=journal-receive.*\n"
# Every request of the service, to see its fields arrive.
SERVICE = "[Service]\nEnvironment=UECHO_LOG__ACCESS=all\n"


def prepare(root: Path, name: str) -> None:
    balancer.mask(root, "haproxy", *balancer.MONITORING)
    if name == "archive":
        receiver(root)
    else:
        sender(root, name)
        drop_in(root, "uecho.service", "test.conf", SERVICE)
        balancer.mask(root, "nginx")


def sender(root: Path, name: str, more: str = "") -> None:
    (root / "var/log/journal").mkdir(exist_ok=True)
    credentials(root, "journal-upload", name)
    (root / "etc/systemd/journal-upload.conf").write_text(UPLOAD)
    shipped(root, "journal-upload")
    enable(root, "systemd-journal-upload.service")
    script(root, "log-metrics")
    units = root / "etc/systemd/system"
    (units / "uecho-log-metrics.service").write_text(METRICS.format(arguments=f"{SENT} {more}"))
    (units / "uecho-log-metrics.timer").write_text(TIMER)
    enable(root, "uecho-log-metrics.timer")


def receiver(root: Path) -> None:
    """The archive, which sends its own journal, too."""
    sender(root, "archive", SEALED)
    credentials(root, "journal-receive", "archive")
    (root / "etc/systemd/journal-remote.conf").write_text(REMOTE)
    shipped(root, "journal-remote")
    drop_in(root, "systemd-journal-remote.service", "zz-test.conf", RECEIVE)
    drop_in(root, "systemd-journal-remote.socket", "zz-test.conf", SOCKET)
    enable(root, "systemd-journal-remote.socket")
    balancer.nginx(root, "journal-proxy.conf")
    drop_in(root, "nginx.service", "test.conf", IMPORT)
    script(root, "log-archive")


def script(root: Path, name: str) -> None:
    """Install a script of nixos/, as writeShellApplication does."""
    program = root / f"usr/local/bin/uecho-{name}"
    program.write_text(f"#!/bin/bash\n{(REPOSITORY / f'nixos/{name}.sh').read_text()}")
    program.chmod(0o755)


def shipped(root: Path, name: str) -> None:
    """Put a drop-in of the repository in force."""
    text = (root / f"usr/share/uecho/{name}.conf").read_text()
    drop_in(root, f"systemd-{name}.service", "uecho.conf", text)


def credentials(root: Path, prefix: str, name: str) -> None:
    """Give a machine its key, its certificate and the authority's."""
    made = boundary.state() / "certificates"
    if not made.is_dir():
        maker = REPOSITORY / "tests/scenarios/tools/journal-certificates.sh"
        subprocess.run([maker, made, *CERTIFIED], check=True)
    store = root / "etc/credstore"
    store.mkdir(mode=0o700, exist_ok=True)
    for source, kind in [(f"{name}.key", "key"), (f"{name}.cert", "cert"), ("ca.cert", "ca")]:
        shutil.copy(made / source, store / f"{prefix}.{kind}")
        (store / f"{prefix}.{kind}").chmod(0o600)
