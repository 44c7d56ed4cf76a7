"""Set-up of the scenario `rollout`: that of `balancer`, with the guard on the nodes, and a client that has a
flake and brings versions of it to the nodes over ssh. Prometheus is there, too, with the rules of the guard.
"""

import json
import shutil
from pathlib import Path

from install import enable

from setup import balancer, guard

PACKAGES = balancer.PACKAGES
MACHINES = balancer.MACHINES
TIMEOUT_SECONDS = 1500
# The client deploys what nixos/rollout.nix says.
FLEET = ("environments.nix", "fleet.nix", "fleets.nix", "rollout.nix", "rollouts.nix")
# In the place of the flake of this repository: what would be built is a folder here already.
FLAKE = """\
{
  outputs =
    _:
    let
      inherit (builtins) head listToAttrs path readDir readFile attrNames;
      label = head (attrNames (readDir ./versions));
      version.config = {
        system.build.toplevel = path {
          name = "nixos-system-${label}";
          path = ./versions + "/${label}";
        };
        services.uecho.package.revision = readFile ./revision;
      };
    in
    {
      nixosConfigurations = listToAttrs (
        map (name: { inherit name; value = version; }) [ "n1" "n2" "n3" ]
      );
    };
}
"""
NIX = """\
experimental-features = nix-command flakes
# There is no other machine to ask.
substituters =
"""
# The tools of a machine that has no versions of the system.
TOOLS = """\
d /run/current-system
L /run/current-system/sw - - - - /usr
"""


def prepare(root: Path, name: str) -> None:
    balancer.prepare(root, name)
    guard.settings(root, soak="1s")
    with (root / "etc/nix/nix.conf").open("a") as settings:
        settings.write(NIX)
    units = root / "etc/systemd/system"
    if name == "client":
        flake = root / "root/fleet"
        flake.mkdir()
        (flake / "flake.nix").write_text(FLAKE)
        for file in FLEET:
            shutil.copy(balancer.REPOSITORY / "nixos" / file, flake / file)
        (units / "prometheus.service").unlink()
        monitoring(root / "etc/prometheus")
        return
    (units / "ssh.service").unlink()
    enable(root, "ssh.service")
    if name == "lb":
        (root / "etc/tmpfiles.d/tools.conf").write_text(TOOLS)
        return
    enable(root, "activate-system.service", "uecho-guard.path")
    (units / "prometheus-node-exporter.service").unlink()
    (root / "etc/default/prometheus-node-exporter").write_text(
        'ARGS="--collector.textfile.directory=/run/uecho-*"\n'
    )


def monitoring(folder: Path) -> None:
    """Tell Prometheus of the nodes, and of the rules as they are."""
    shutil.copy(balancer.REPOSITORY / "nixos/observability/rules/guard.yml", folder / "guard.yml")
    nodes = [{"targets": [f"{name}:9100"], "labels": {"instance": name}} for name in ("n1", "n2", "n3")]
    config = {
        "global": {"scrape_interval": "5s", "evaluation_interval": "5s"},
        "rule_files": ["guard.yml"],
        "scrape_configs": [{"job_name": "node", "static_configs": nodes}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
