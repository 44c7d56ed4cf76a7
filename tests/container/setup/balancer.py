"""Set-up of the scenario `balancer`: a client, HAProxy, three nodes.

HAProxy runs as on NixOS: with the file that the module writes, and with what the module and that of nixpkgs
say about its unit.
"""

import shutil
from pathlib import Path

from install import drop_in, enable

# keepalived is for the pair of balancers, MONITORING for the scenario `observability`, LOGS for `logs`, the
# others for `rollout`: one root for all of them is made sooner than five.
MONITORING = (
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-blackbox-exporter",
    "prometheus-node-exporter",
)
LOGS = ("jq", "nginx", "systemd-journal-remote")
DEPLOYMENT = ("nix-bin", "openssh-client", "openssh-server")
PACKAGES = ("haproxy", "keepalived", "openssl", "socat", "wrk", *MONITORING, *LOGS, *DEPLOYMENT)
MACHINES = ("client", "lb", "n1", "n2", "n3")
REPOSITORY = Path(__file__).resolve().parents[3]

UNIT = """\
[Unit]
Description=HAProxy
After=network.target

[Service]
User=haproxy
Group=haproxy
Type=notify
ExecStart=/usr/sbin/haproxy -Ws -f /etc/haproxy.cfg -p /run/haproxy/haproxy.pid
ExecReload=-/usr/local/bin/haproxy-save-state
ExecReload=/usr/bin/kill -USR2 $MAINPID
KillMode=mixed
SuccessExitStatus=143
Restart=always
RuntimeDirectory=haproxy
AmbientCapabilities=CAP_NET_BIND_SERVICE
MemoryMax=251M

[Install]
WantedBy=multi-user.target
"""
SOCKET = """\
[Socket]
ListenStream=
ListenStream=[::]:8080
ListenStream=/run/uecho/public.sock
"""
# With one server; on NixOS, its module writes the rest.
NGINX = """\
error_log stderr;
pid /run/nginx.pid;
events {}
http {
  include /etc/nginx/server.conf;
}
"""
# As nixos/fleet.nix has it.
SERVICE = """\
[Service]
Environment=UECHO_DRAIN__DELAY=3s
"""


def prepare(root: Path, name: str) -> None:
    mask(root, "ssh")
    if name == "lb":
        balancer(root)
        return
    mask(root, "haproxy", *MONITORING)
    if name == "client":
        nginx(root, "trace-proxy.conf")
        return
    mask(root, "nginx")
    drop_in(root, "uecho.socket", "fleet.conf", SOCKET)
    drop_in(root, "uecho.service", "fleet.conf", SERVICE)


def mask(root: Path, *services: str) -> None:
    """Keep these services of Debian's packages from starting."""
    for service in services:
        (root / f"etc/systemd/system/{service}.service").symlink_to("/dev/null")


def nginx(root: Path, server: str) -> None:
    """Let nginx have this server."""
    (root / "etc/nginx/nginx.conf").write_text(NGINX)
    shutil.copy(REPOSITORY / "tests/container" / server, root / "etc/nginx/server.conf")


def balancer(root: Path) -> None:
    mask(root, *MONITORING, "nginx")
    (root / "etc/systemd/system/haproxy.service").write_text(UNIT)
    enable(root, "haproxy.service")
    shutil.copy(REPOSITORY / "tests/container/haproxy.cfg", root / "etc/haproxy.cfg")
    # As writeShellApplication does.
    script = root / "usr/local/bin/haproxy-save-state"
    text = (REPOSITORY / "nixos/haproxy-save-state.sh").read_text()
    script.write_text(f"#!/bin/bash\nset -o errexit -o nounset -o pipefail\n{text}")
    script.chmod(0o755)
