import os
import subprocess
import tempfile

# Each run has its own disk, an overlay on the image.
disk = tempfile.NamedTemporaryFile(suffix=".qcow2")  # noqa: SIM115 (gone when the driver ends)
subprocess.run(
    [QEMU_IMG, "create", "-q", "-f", "qcow2", "-b", IMAGE, "-F", "raw", disk.name, "6G"], check=True
)
os.environ["NIX_DISK_IMAGE"] = disk.name
