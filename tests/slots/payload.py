"""Versions to publish: a store with a real dm-verity tree, and a boot image by ukify with its root hash.

The stores are random bytes at the front. systemd-sysupdate reads zstd from 258 on, and goes by the content of
a file: for older ones the files of the same names are packed with gzip.
"""

import gzip
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance import Appliance
from device import STORE_BYTES

# ukify takes any file for a kernel as long as nothing asks for its release.
SCRIPT = """set -eu
cd /build
echo 'not a kernel' >kernel
for name in "$@"; do
  blocks="--data-block-size=4096 --hash-block-size=4096"
  hash=$(veritysetup format --salt=00 $blocks "$name.store" "$name.tree" |
    sed -n 's/^Root hash:[[:space:]]*//p')
  echo "$hash" >"$name.hash"
  printf 'ID=uecho\\nIMAGE_ID=uecho\\nIMAGE_VERSION=%s\\n' "${name%%@*}" >"$name.os-release"
  ukify build --linux=kernel --uname=6.18 --os-release=@"$name.os-release" \\
    --cmdline="root=tmpfs usrhash=$hash panic=10" --stub=/usr/lib/systemd/boot/efi/linuxx64.efi.stub \\
    --output="$name.efi" >/dev/null
done
"""


@dataclass(frozen=True)
class Payload:
    """What is published of a version, and what it unpacks to."""

    version: str
    directory: Path
    root_hash: str
    store: Path
    tree: Path

    @property
    def uki(self) -> Path:
        return self.directory / f"uecho_{self.version}.efi"

    def file(self, kind: str) -> Path:
        """`efi`, `store.zst` or `verity.zst`."""
        return next(self.directory.glob(f"*.{kind}"))


def build(builder: Appliance, names: list[str]) -> dict[str, dict[str, Payload]]:
    """Build payloads, by packing (`zstd`, `gzip`) and name.

    A name is a version, or a version, `@` and a word for other content.
    """
    directory = builder.root / "build"
    directory.mkdir()
    for name in names:
        content = random.Random(name).randbytes(STORE_BYTES // 2)
        (directory / f"{name}.store").write_bytes(content.ljust(STORE_BYTES, b"\0"))
    builder.write("build/build", SCRIPT)
    builder.must("sh", "/build/build", *names)
    return {
        packing: {name: assemble(directory, name, packing, pack) for name in names}
        for packing, pack in PACKINGS.items()
    }


def zstd(content: bytes) -> bytes:
    return subprocess.run(["zstd", "-1"], input=content, check=True, capture_output=True).stdout


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": zstd,
    "gzip": lambda content: gzip.compress(content, 1),
}


def assemble(directory: Path, name: str, packing: str, pack: Callable[[bytes], bytes]) -> Payload:
    """Name what is published of a version as the transfers expect it."""
    version, root_hash = name.partition("@")[0], (directory / f"{name}.hash").read_text().strip()
    store, tree, target = directory / f"{name}.store", directory / f"{name}.tree", directory / packing / name
    target.mkdir(parents=True)
    for content, kind, digits in ((store, "store", root_hash[:32]), (tree, "verity", root_hash[32:])):
        packed = pack(content.read_bytes())
        (target / f"uecho_{version}_{digits}.{kind}.zst").write_bytes(packed)
    shutil.copy(directory / f"{name}.efi", target / f"uecho_{version}.efi")
    return Payload(version, target, root_hash, store, tree)


def copy(payload: Payload, target: Path) -> Path:
    """A copy that can be changed."""
    shutil.copytree(payload.directory, target)
    return target
