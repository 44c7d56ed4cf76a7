"""Set-up of the guard's scenarios: Nix, versions of the system in its store, and the first of them booted."""

from pathlib import Path

from install import enable

# ssh-keygen is for the scenario `pull`: both have one root.
PACKAGES = ("nix-bin", "openssh-client")
TIMEOUT_SECONDS = 1200

GUARD = """\
soak = "{soak}"
interval = "500ms"
grace = "4s"
timeout = "2s"
"""
# Stage 2 of NixOS does this at boot: it activates the installed version before any unit of it starts.
ACTIVATE = """\
[Unit]
DefaultDependencies=no
After=local-fs.target
Before=sysinit.target uecho.service uecho.socket uecho-guard.service uecho-guard.path
ConditionPathExists=/nix/var/nix/profiles/system

[Service]
Type=oneshot
ExecStart=/nix/var/nix/profiles/system/bin/switch-to-configuration activate-at-boot

[Install]
WantedBy=sysinit.target
"""


def prepare(root: Path, _name: str) -> None:
    settings(root)
    enable(root, "activate-system.service", "uecho-guard.path")


def settings(root: Path, soak: str = "3s") -> None:
    (root / "etc/uecho").mkdir(parents=True, exist_ok=True)
    (root / "etc/uecho/guard.toml").write_text(GUARD.format(soak=soak))
    (root / "etc/nix").mkdir(parents=True, exist_ok=True)
    (root / "etc/nix/nix.conf").write_text("build-users-group =\nsandbox = false\n")
    (root / "etc/systemd/system/activate-system.service").write_text(ACTIVATE)
