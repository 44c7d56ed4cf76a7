"""Write every VM test's script as the driver sees it: with the names that the driver and its Nix file give
it.

Usage: assemble.py DIRECTORY. Machines are those that the script uses by the driver's methods; constants are
those that the Nix file beside it sets (lines like NAME = "...").
"""

import ast
import re
import sys
from pathlib import Path

VM = Path(__file__).resolve().parent.parent
SCENARIOS = VM.parent / "scenarios"

# What a set-up calls its machines, where it is not `machine`.
NODE = re.compile(r"^ {4}(\w+)(?: =|\.\w)", re.MULTILINE)
CONSTANT = re.compile(r'^ +([A-Z][A-Z0-9_]*) = "\$\{.*\}"$|^ +([A-Z][A-Z0-9_]*) = "\$\{.*"$', re.MULTILINE)
PARTS = re.compile(r"lib\.readFile \./([\w./-]+\.py)")


def machines(script: str, declared: set[str]) -> set[str]:
    """Names that the script uses and does not make itself, of those declared."""
    tree = ast.parse(script)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return used & declared


def assemble(script: str, names: set[str], constants: set[str]) -> str:
    head = [
        (
            "from driver import Machine, create_machine, join_all, machines,"
            " polling_condition, retry, start_all, subtest, t"
        )
    ]
    head += [f"{name} = create_machine()" for name in sorted(names)]
    head += [f'{name} = ""' for name in sorted(constants)]
    # The imports of the stub's names are there for every script; not every script uses them all.
    head.append(
        "__all__ = ['join_all', 'machines', 'polling_condition', 'retry', 'start_all',"
        " 'subtest', 't', 'Machine', 'create_machine']"
    )
    return "\n".join(head) + "\n\n" + script


def main() -> None:
    target = Path(sys.argv[1])
    count = 0
    setups = (VM / "support/scenarios.nix").read_text()
    letters = set(re.findall(r'"(\w+)"', setups)) | {"machine"}
    for script in sorted(SCENARIOS.glob("*.py")):
        text = script.read_text()
        (target / f"scenario_{script.stem.replace('-', '_')}.py").write_text(
            assemble(text, machines(text, letters), set())
        )
        count += 1
    for nix in sorted(VM.glob("*.nix")):
        source = nix.read_text()
        parts = PARTS.findall(source)
        if not parts:
            continue
        text = "\n".join((VM / part).read_text() for part in parts)
        declared = set(NODE.findall(source)) | {"machine"}
        constants = {first or second for first, second in CONSTANT.findall(source)}
        (target / f"vm_{nix.stem.replace('-', '_')}.py").write_text(
            assemble(text, machines(text, declared), constants)
        )
        count += 1
    if count == 0:
        sys.exit("assemble: no scripts")


if __name__ == "__main__":
    main()
