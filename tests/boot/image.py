"""The disk of the lab: Debian with systemd-boot, the program, and a first version of the system, which is
installed and was never booted.
"""

import os
import shutil
import subprocess
from pathlib import Path

import install
import rootfs

PACKAGES = (
    "dosfstools", "e2fsprogs", "initramfs-tools", "kmod", "linux-image-cloud-amd64", "nix-bin",
    "systemd-boot-efi", "systemd-boot-tools", "udev", "zstd",
)  # fmt: skip
ENABLED = ("uecho-guard.service", "uecho-guard.path", "lab-agent.service")
ESP_MIB, ROOT_MIB = 64, 1536
# The types of the Discoverable Partitions Specification: EFI system partition, root of an x86-64 machine.
PARTITIONS = f"""\
label: gpt
size={ESP_MIB}MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
size={ROOT_MIB}MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709
"""
FSTAB = "/dev/vda2 / ext4 rw 0 0\n/dev/vda1 /boot vfat dirsync,umask=0077 0 0\n"
# Everything takes longer in emulation.
GUARD = """\
soak = "5s"
interval = "1s"
grace = "90s"
timeout = "20s"
"""
AGENT = """\
[Unit]
Wants=dev-virtio\\x2dports-lab.device
After=dev-virtio\\x2dports-lab.device

[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/lab-agent.py

[Install]
WantedBy=multi-user.target
"""
# The root's file system is found by its label; the kernel has its driver built in.
INITRAMFS = "MODULES=list\nCOMPRESS=zstd\nFSTYPE=ext4\n"
MANAGER = "[Manager]\nDefaultTimeoutStartSec=10min\nDefaultDeviceTimeoutSec=10min\nShowStatus=no\n"
# The host gets the whole journal, also that of a machine that does not take commands. It does not come by the
# serial port, which in emulation takes longer for it than the rest of the boot.
JOURNAL = "[Journal]\nForwardToConsole=yes\nMaxLevelConsole=info\nTTYPath=/dev/hvc0\n"


def build(disk: Path, repository: Path, bin_dir: Path, setup: str) -> None:
    """Build the image; at the end, run `setup` as a bash script in its root."""
    work = disk.parent / "image"
    root = work / "root"
    work.mkdir()
    subprocess.run(["cp", "--archive", "--reflink=auto", rootfs.path(PACKAGES), root], check=True)
    prepare(root, repository, bin_dir)
    script = 'mount -t proc proc proc; mount --rbind /dev dev; chroot . bash -euo pipefail -c "$1"'
    subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "bash", "-euc", script, "bash", setup],
        cwd=root,
        check=True,
    )
    esp = root / "boot"
    entries(esp, root)
    boot = work / "boot"
    esp.rename(boot)
    esp.mkdir()
    assemble(disk, root, boot, work)
    shutil.rmtree(work)


def prepare(root: Path, repository: Path, bin_dir: Path) -> None:
    """Install everything but the versions and the boot loader."""
    programs(root, repository, bin_dir)
    files = {
        "etc/fstab": FSTAB,
        "etc/hostname": "lab\n",
        "etc/uecho/guard.toml": GUARD,
        "etc/nix/nix.conf": "build-users-group =\nsandbox = false\n",
        "etc/initramfs-tools/conf.d/lab": INITRAMFS,
        "etc/initramfs-tools/modules": "virtio_blk\n",
        "etc/systemd/system/lab-agent.service": AGENT,
        "etc/systemd/system.conf.d/lab.conf": MANAGER,
        "etc/systemd/journald.conf.d/lab.conf": JOURNAL,
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    install.enable(root, *ENABLED)
    # The guard and the switch write entries of the boot loader here.
    (root / "boot/loader/entries").mkdir(parents=True)


def programs(root: Path, repository: Path, bin_dir: Path) -> None:
    """Install the programs, as small as they can be, and the lab's agent."""
    install.install(root, repository, bin_dir)
    for binary in ("uecho", "uecho-guard"):
        subprocess.run(["strip", root / install.BINARIES.lstrip("/") / binary], check=True)
    shutil.copy2(Path(__file__).parent / "guest/agent.py", root / "usr/local/lib/lab-agent.py")


def entries(esp: Path, root: Path) -> None:
    """Put what `bootctl install` would put on the EFI system partition there, and kernel and initrd under the
    names that the entries use.
    """
    loader = root / "usr/lib/systemd/boot/efi/systemd-bootx64.efi"
    for name in ("EFI/systemd/systemd-bootx64.efi", "EFI/BOOT/BOOTX64.EFI"):
        (esp / name).parent.mkdir(parents=True)
        shutil.copyfile(loader, esp / name)
    for pattern, name in (("vmlinuz-*", "vmlinuz"), ("initrd.img-*", "initrd.img")):
        next(esp.glob(pattern)).rename(esp / name)
    for leftover in [*esp.glob("config-*"), *esp.glob("System.map-*")]:
        leftover.unlink()


def assemble(disk: Path, root: Path, boot: Path, work: Path) -> None:
    """Make both file systems, without mounting them, and put them on the disk."""
    esp_image, root_image = work / "esp.img", work / "root.img"
    for image, size in ((esp_image, ESP_MIB), (root_image, ROOT_MIB), (disk, ESP_MIB + ROOT_MIB + 2)):
        image.touch()
        os.truncate(image, size << 20)
    subprocess.run(["mkfs.vfat", "-F", "32", "-n", "ESP", esp_image], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["mcopy", "-s", "-i", esp_image, *boot.iterdir(), "::"], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-L", "root", "-d", root, root_image], check=True)
    subprocess.run(["sfdisk", "--quiet", disk], input=PARTITIONS.encode(), check=True)
    for image, start in ((esp_image, 1), (root_image, 1 + ESP_MIB)):
        place = ["bs=1M", f"seek={start}", "conv=sparse,notrunc", "status=none"]
        subprocess.run(["dd", f"if={image}", f"of={disk}", *place], check=True)
