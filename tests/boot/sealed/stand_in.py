"""The stand-in for the appliance: a tree for /usr with Debian's systemd, the program, its units and transfers
as they ship, and what boots it: a kernel, and an initrd of systemd alone.

Root is a tmpfs, as in the appliance. Its /etc, there an overlay, is here copied from the store by the initrd.
"""

import random
import shutil
import subprocess
from pathlib import Path

import image
import install
import rootfs
from errors import RunnerError

SUITE = "sid"
PACKAGES = (
    "binutils", "cryptsetup-bin", "dosfstools", "dracut", "e2fsprogs", "erofs-utils", "gpg", "kmod",
    "linux-image-cloud-amd64", "mtools", "systemd-boot", "systemd-boot-efi", "systemd-boot-tools",
    "systemd-container", "systemd-cryptsetup", "systemd-repart", "systemd-ukify", "udev", "zstd",
)  # fmt: skip
ENABLED = ("uecho-guard.service", "lab-agent.service", "systemd-networkd.service")
# What Debian does at the first boot of a root, and so at every boot of this one.
MASKED = (
    "e2scrub_reap.service", "ldconfig.service", "systemd-hwdb-update.service",
    "systemd-journal-catalog-update.service",
)  # fmt: skip
TRANSFERS = ("10-verity", "20-store", "90-uki")
ETC = "usr/share/lab/etc"
# Nothing reads it, and compression leaves it as it is.
BLOB, BLOB_BYTES = "usr/share/lab/blob", 1 << 20
# Nothing of the machine uses these; they would be downloaded with every version.
USELESS = (
    "include", "lib/dracut", "lib/gcc", "lib/python3", "lib/x86_64-linux-gnu/gconv",
    "lib/x86_64-linux-gnu/perl", "lib/x86_64-linux-gnu/perl-base", "share/bash-completion", "share/doc",
    "share/info", "share/locale", "share/man", "share/perl", "share/perl5", "share/zoneinfo",
)  # fmt: skip
FSTAB = """\
/dev/disk/by-partlabel/var /var ext4 noatime,nodev,nosuid,x-systemd.makefs 0 2
/dev/disk/by-partlabel/esp /boot vfat dirsync,nodev,noexec,nosuid,umask=0077 0 0
"""
GUARD = f'backend = "slots"\n{image.GUARD}'
# As nixos/sealed-update.nix and nixos/guard-slots.nix have it.
ESP_PATH = "[Service]\nEnvironment=SYSTEMD_ESP_PATH=/boot\n"
MANAGER = f"{image.MANAGER}RuntimeWatchdogSec=60s\n"
# As in nixos/sealed.nix: what ends an initrd that hangs.
INITRD = {
    "etc/systemd/system.conf.d/lab.conf": "[Manager]\nRuntimeWatchdogSec=60s\n",
    "etc/systemd/system/initrd.target.d/lab.conf": (
        "[Unit]\nJobTimeoutSec=5min\nJobTimeoutAction=reboot-force\n"
    ),
}
# An emulated machine that shares its processors does not always answer itself within seconds.
PATIENT = "[Service]\nWatchdogSec=2min\n"
# As boot.panic_on_fail in the initrd of the appliance, where /var is mounted.
EMERGENCY = """\
[Service]
ExecStartPre=
ExecStart=
ExecStart=/bin/sh -c 'echo c >/proc/sysrq-trigger'
"""
NETWORK = "[Match]\nType=ether\n[Network]\nDHCP=ipv4\n"
# The one partition that the machine makes by itself, as in nixos/sealed-state.nix.
VAR = """\
[Partition]
Type=linux-generic
Label=var
Format=ext4
SizeMinBytes=256M
FactoryReset=yes
"""
POPULATE = f"""\
[Unit]
DefaultDependencies=no
Requires=sysroot-usr.mount
After=sysroot-usr.mount
Before=initrd-fs.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=cp --archive /sysroot/{ETC} /sysroot/
"""
# Without the modules that make it dracut's own: everything in it is systemd's.
DRACUT = """\
set -euo pipefail
version=$(basename /usr/lib/modules/*)
systemd=/usr/lib/systemd
dracut --force --no-hostonly --kver "$version" --compress 'zstd -3' --tmpdir /var/tmp \\
  --modules 'systemd systemd-initrd systemd-udevd systemd-veritysetup systemd-repart dm kernel-modules' \\
  --drivers 'virtio_blk virtio_pci dm_verity erofs i6300esb' \\
  --install "cp sh sleep mkfs.ext4 mke2fs /etc/mke2fs.conf $systemd/systemd-factory-reset
    $systemd/system-generators/systemd-factory-reset-generator $systemd/system/factory-reset-now.target
    $systemd/system/systemd-factory-reset-complete.service" --include /build/initrd / /build/initrd.img
cp /boot/vmlinuz-"$version" /build/vmlinuz
"""


class StandIn:
    """A root in which versions are built, with the tree of the version that is built next in `build/usr`."""

    def __init__(self, folder: Path, repository: Path, bin_dir: Path, url: str, keyring: Path) -> None:
        self.root = folder / "root"
        self.build = self.root / "build"
        rootfs.ensure(PACKAGES, SUITE, boots=False)
        copy(rootfs.path(PACKAGES, SUITE), self.root)
        self.fill(repository, bin_dir, url, keyring)
        populate = self.build / "initrd/etc/systemd/system/lab-etc.service"
        write(populate, POPULATE)
        wanted = populate.parent / "initrd-fs.target.requires"
        wanted.mkdir()
        (wanted / populate.name).symlink_to(f"../{populate.name}")
        for name, text in INITRD.items():
            write(self.build / "initrd" / name, text)
        # By this, a request for a factory reset is known to be for this system.
        release = (self.root / "usr/lib/os-release").read_text()
        write(self.build / "initrd/etc/os-release", f"{release}IMAGE_ID=uecho\n")
        self.run(DRACUT)
        usr = self.build / "usr"
        copy(self.root / "usr", usr)
        for name in USELESS:
            shutil.rmtree(usr / name, ignore_errors=True)
        copy(self.root / "etc", self.build / ETC)
        noise = random.Random(1).randbytes(BLOB_BYTES)
        (self.build / BLOB).write_bytes(noise)

    def fill(self, repository: Path, bin_dir: Path, url: str, keyring: Path) -> None:
        """Install the program, and what the appliance's modules set."""
        root = self.root
        image.programs(root, repository, bin_dir)
        files = {
            "etc/fstab": FSTAB,
            "etc/hostname": "lab\n",
            # A missing one makes systemd ask a human on the console.
            "etc/machine-id": f"{'5ea1ed' * 5}00\n",
            "etc/uecho/guard.toml": GUARD,
            "etc/systemd/network/lab.network": NETWORK,
            "etc/systemd/system.conf.d/lab.conf": MANAGER,
            "etc/systemd/journald.conf.d/lab.conf": image.JOURNAL,
            "etc/systemd/system/lab-agent.service": image.AGENT,
            "etc/systemd/system/emergency.service.d/lab.conf": EMERGENCY,
            "etc/systemd/system/uecho.service.d/lab.conf": PATIENT,
            "etc/systemd/system/uecho-guard.service.d/appliance.conf": ESP_PATH,
            "etc/systemd/system/uecho-update.service.d/appliance.conf": ESP_PATH,
            "usr/lib/repart.d/50-var.conf": VAR,
        }
        for name in TRANSFERS:
            text = (repository / f"systemd/sysupdate.d/{name}.transfer").read_text()
            files[f"etc/sysupdate.d/{name}.transfer"] = text
            files[f"etc/sysupdate.d/{name}.transfer.d/appliance.conf"] = f"[Source]\nPath={url}\n"
        for name, text in files.items():
            write(root / name, text)
        for kind in ("gpg", "pgp"):
            shutil.copyfile(keyring, root / f"etc/systemd/import-pubring.{kind}")
        install.enable(root, *ENABLED)
        subprocess.run(
            ["systemctl", f"--root={root}", "--quiet", "mask", *rootfs.MASKED, *MASKED], check=True
        )

    def run(self, script: str, *arguments: str) -> str:
        """Run a bash script in the root; return its standard output."""
        enter = 'mount -t proc proc proc; mount --rbind /dev dev; chroot . bash -c "$@"'
        command = ["unshare", "--mount", "--propagation", "private", "bash", "-euc", enter, "bash"]
        result = subprocess.run(
            [*command, script, "bash", *arguments], cwd=self.root, check=False, capture_output=True, text=True
        )
        if result.returncode != 0:
            raise RunnerError(f"building the image: {result.stdout[-2000:]}{result.stderr[-4000:]}")
        return result.stdout


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--archive", "--reflink=auto", source, target], check=True)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
