"""Set-up of the scenario `pull`: the machine of the guard's scenarios, with a web server that has releases
and a binary cache.
"""

from pathlib import Path

from install import drop_in, enable

from setup import guard

PACKAGES = guard.PACKAGES
TIMEOUT_SECONDS = 600

SETTINGS = """\
url = "http://127.0.0.1:8000/prod/canary.json"
environment = "prod"
wave = "canary"
machine = "n1"
allowed_signers = "/etc/uecho/allowed_signers"
"""
SERVER = """\
[Service]
WorkingDirectory=/srv
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 8000

[Install]
WantedBy=multi-user.target
"""


def prepare(root: Path, name: str) -> None:
    guard.prepare(root, name)
    (root / "etc/uecho/pull.toml").write_text(SETTINGS)
    (root / "srv/prod").mkdir(parents=True)
    (root / "etc/systemd/system/releases.service").write_text(SERVER)
    enable(root, "releases.service")
    # The scenario looks when it wants to.
    drop_in(root, "uecho-pull.timer", "test.conf", "[Timer]\nOnBootSec=\nOnBootSec=30d\n")
    enable(root, "uecho-pull.timer")
    drop_in(root, "uecho-pull.service", "test.conf", "[Unit]\nStartLimitIntervalSec=0\n")
