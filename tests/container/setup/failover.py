"""Set-up of the scenario `failover`: a client, two balancers with one address, one node.

keepalived runs as on NixOS: with the files that the module writes, and with what nixpkgs says about its unit.
"""

import shutil
from pathlib import Path

from install import enable

from setup import balancer

PACKAGES = balancer.PACKAGES
MACHINES = ("client", "lb", "lb2", "n1")
# As nixos/fleet.nix has them.
ADDRESSES = {"lb2": "192.168.1.12", "n1": "192.168.1.3"}
VIRTUAL = "192.168.1.100"

UNIT = """\
[Unit]
Description=Keepalive Daemon (LVS and VRRP)
After=network.target

[Service]
Type=forking
PIDFile=/run/keepalived.pid
KillMode=process
RuntimeDirectory=keepalived
ExecStart=/usr/sbin/keepalived -f /etc/keepalived/keepalived.conf -p /run/keepalived.pid
Restart=always
RestartSec=1s

[Install]
WantedBy=multi-user.target
"""


def prepare(root: Path, name: str) -> None:
    with (root / "etc/hosts").open("a") as hosts:
        hosts.write(f"{VIRTUAL} fleet\n")
    if name not in ("lb", "lb2"):
        balancer.prepare(root, name)
        return
    balancer.balancer(root)
    unit = root / "etc/systemd/system/keepalived.service"
    unit.write_text(UNIT)
    enable(root, "keepalived.service")
    (root / "etc/keepalived").mkdir(exist_ok=True)
    configuration = balancer.REPOSITORY / f"tests/container/keepalived-{name}.conf"
    shutil.copy(configuration, root / "etc/keepalived/keepalived.conf")
    with (root / "etc/passwd").open("a") as users:
        users.write("keepalived_script:x:987:65534::/:/usr/sbin/nologin\n")
