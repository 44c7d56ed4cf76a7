"""Set-up of the scenario `observability`: that of `balancer`, the archive of `logs`, to which all machines of
the fleet send their journals, a machine with Prometheus and Alertmanager, node exporters everywhere, and two
places that ask as a client does.

Prometheus, Alertmanager and the blackbox exporter get what the NixOS module writes, but for the second
balancer and the search for logs, and the rules as they are. One node follows releases, which no machine of
the fleet does by default. SPEED is the only other difference: every interval, every `for` and the age of a
verdict that is too old are divided by it, so that a run takes less than two minutes. UECHO_ALERT_SPEED=1 runs
with the real ones.
"""

import json
import os
import re
import shutil
from pathlib import Path

from install import drop_in, enable

from setup import balancer, logs

SPEED = int(os.environ.get("UECHO_ALERT_SPEED", "5"))
PACKAGES = balancer.PACKAGES
MACHINES = (*balancer.MACHINES, "archive", "obs")
# As nixos/fleet.nix has them.
ADDRESSES = {
    name: f"192.168.1.{number}"
    for number, name in enumerate(["client", "lb", "n1", "n2", "n3", "obs", "archive"], start=1)
}
TIMEOUT_SECONDS = 1500
CONTAINER = Path(__file__).resolve().parents[1]
OBSERVABILITY = balancer.REPOSITORY / "nixos/observability"

# What is divided: the keys of the configurations, of the rules, of the timer; and one comparison.
PERIODS = re.compile(
    r'("(?:scrape_interval|scrape_timeout|evaluation_interval|group_wait|group_interval|repeat_interval)": "'
    r"|\b(?:for|interval): |OnUnitInactiveSec=|--rules\.alert\.resend-delay=)(\d+)([smh])\b"
)
OLD = re.compile(r"(uecho_probe_timestamp_seconds > )(\d+)")
OPS = """\
[Socket]
ListenStream=
ListenStream=[::]:8081
"""
SECONDS = {"s": 1, "m": 60, "h": 3600}
# Nobody is there. The scenario looks when it wants to.
PULL = """\
url = "http://192.168.1.1:9/prod/all.json"
environment = "prod"
wave = "all"
machine = "n1"
allowed_signers = "/etc/uecho/allowed_signers"
"""


def faster(text: str) -> str:
    """The text with all periods divided by SPEED."""

    def period(match: re.Match[str]) -> str:
        return f"{match[1]}{int(match[2]) * SECONDS[match[3]] * 1000 // SPEED}ms"

    return OLD.sub(lambda match: f"{match[1]}{int(match[2]) / SPEED}", PERIODS.sub(period, text))


def prepare(root: Path, name: str) -> None:
    balancer.prepare(root, name)
    if name == "archive":
        (root / "etc/systemd/system/nginx.service").unlink()
        logs.receiver(root)
    elif name != "client":
        logs.sender(root, name)
    for package in balancer.MONITORING:
        if name == "obs" or package == "prometheus-node-exporter":
            (root / f"etc/systemd/system/{package}.service").unlink()
    (root / "etc/default/prometheus-node-exporter").write_text(
        'ARGS="--collector.textfile.directory=/run/uecho-*"\n'
    )
    drop_in(root, "uecho-ops.socket", "fleet.conf", OPS)
    (root / "etc/uecho-alert-speed").write_text(f"{SPEED}\n")
    if name in ("lb", "obs"):
        url = "[Service]\nEnvironment=UECHO_SYNTHETIC_URL=http://192.168.1.2\n"
        drop_in(root, "uecho-synthetic.service", "url.conf", url)
        timer = root / "usr/lib/systemd/system/uecho-synthetic.timer"
        timer.write_text(faster(timer.read_text()))
        enable(root, timer.name)
    if name == "n1":
        (root / "etc/uecho").mkdir(exist_ok=True)
        (root / "etc/uecho/pull.toml").write_text(PULL)
    if name == "obs":
        observer(root / "etc")


def observer(etc: Path) -> None:
    """Put the configuration of Prometheus and Alertmanager in place."""
    config = json.loads((CONTAINER / "prometheus.json").read_text())
    for job in config["scrape_configs"]:
        job["static_configs"] = [it for it in job["static_configs"] if is_here(it["labels"])]
        for it in job["static_configs"]:
            if (job["job_name"], it["labels"]["instance"]) == ("node", "n1"):
                it["labels"]["pull"] = "yes"
    config["rule_files"] = ["/etc/prometheus/rules/*.yml"]
    (etc / "prometheus/prometheus.yml").write_text(faster(json.dumps(config)))
    alertmanager = (CONTAINER / "alertmanager.json").read_text()
    (etc / "prometheus/alertmanager.yml").write_text(faster(alertmanager))
    shutil.copytree(OBSERVABILITY / "dashboards", etc / "uecho-dashboards")
    shutil.copytree(OBSERVABILITY / "rules", etc / "prometheus/rules")
    for file in (etc / "prometheus/rules").iterdir():
        file.write_text(faster(file.read_text()))
    shutil.copy(CONTAINER / "blackbox.json", etc / "prometheus/blackbox.json")
    (etc / "default/prometheus-blackbox-exporter").write_text(
        'ARGS="--config.file=/etc/prometheus/blackbox.json --web.listen-address=127.0.0.1:9115"\n'
    )
    flags = "--web.listen-address=127.0.0.1:9090 --rules.alert.resend-delay=15s"
    (etc / "default/prometheus").write_text(faster(f'ARGS="{flags}"\n'))
    (etc / "default/prometheus-alertmanager").write_text(
        'ARGS="--cluster.listen-address= --web.listen-address=127.0.0.1:9093"\n'
    )


def is_here(labels: dict[str, str]) -> bool:
    """Whether the containers have it: not the second balancer, and not the search for logs."""
    return labels["instance"] != "lb2" and labels.get("port") != "9443"
