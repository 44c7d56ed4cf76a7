"""A computer with UEFI: QEMU, its firmware's variables and a disk with a volatile write cache, all of which a
power cut can hit.

The disk is served by nbdkit, which keeps every write in memory until the machine asks for a flush. Killing
QEMU and nbdkit is a power cut: what the machine has not flushed is gone, as with a real disk.
"""

import subprocess
import time
from pathlib import Path

from channel import Channel
from errors import RunnerError
from hardware import CODE, Hardware
from qmp import Monitor

# Emulation runs anywhere, also within a virtual machine. Without cmpxchg16b: that of QEMU 7.2 breaks the
# flags, and Linux panics.
PROCESSOR = ["-accel", "tcg,thread=multi", "-cpu", "qemu64,-cx16", "-smp", "2"]
# Of the slowest boot that is still a boot: emulated, on a busy machine.
BOOT_SECONDS = 240
COMMAND_SECONDS = 300


class Computer:
    """One machine, off at first."""

    def __init__(self, hardware: Hardware) -> None:
        self.hardware = hardware
        self.folder = hardware.disk.parent
        self.console = self.folder / "console.log"
        self.journal = self.folder / "journal.log"
        self.boots = 0
        self.processes: list[subprocess.Popen[bytes]] = []
        self.channel: Channel | None = None
        self.monitor: Monitor | None = None

    def boot(self) -> None:
        """Start it, and wait until it takes commands."""
        self.power_on()
        self.wait_for_boot()

    def power_on(self) -> None:
        """Start it; returns at once."""
        if self.processes:
            raise RunnerError("it is on already")
        sockets = {name: self.folder / f"{name}.socket" for name in ("disk", "lab", "qmp")}
        for path in sockets.values():
            path.unlink(missing_ok=True)
        server: list[str | Path] = [
            "nbdkit", "--foreground", f"--unix={sockets['disk']}", "--filter=cache",
            "file", self.hardware.disk, "cache=writeback", "cache-min-block-size=4096",
        ]  # fmt: skip
        machine: list[str | Path] = [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none",
            "-machine", "q35", *PROCESSOR, "-m", "768",
            "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={CODE}",
            "-drive", f"if=pflash,unit=1,format=raw,file={self.hardware.variables}",
            "-drive", f"if=none,id=disk,format=raw,cache=none,file=nbd+unix:///?socket={sockets['disk']}",
            "-device", "virtio-blk-pci,drive=disk,bootindex=0", "-device", "virtio-rng-pci",
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=lab,name=lab",
            "-chardev", f"socket,id=lab,path={sockets['lab']},server=on,wait=off",
            "-device", "virtconsole,chardev=journal",
            "-chardev", f"file,id=journal,path={self.journal},append=on",
            "-serial", "chardev:console", "-chardev", f"file,id=console,path={self.console},append=on",
            "-device", "i6300esb", "-action", "watchdog=reset",
            "-qmp", f"unix:{sockets['qmp']},server=on,wait=off",
        ]  # fmt: skip
        self.start(server)
        wait_for(sockets["disk"])
        self.start(machine)
        self.channel = Channel(sockets["lab"])
        self.monitor = Monitor(sockets["qmp"])
        self.boots += 1

    def start(self, command: list[str | Path]) -> None:
        with open(self.folder / "hardware.log", "ab") as log:
            self.processes.append(
                subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            )

    def power_cut(self) -> None:
        """Everything that is not flushed is lost."""
        # The machine first: no more writes may come when the disk goes.
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        self.off()

    def power_off(self) -> None:
        """Shut it down in order."""
        self.connected().send("systemctl --no-block poweroff", COMMAND_SECONDS)
        disk, machine = self.processes
        machine.wait(BOOT_SECONDS)
        disk.terminate()
        disk.wait(BOOT_SECONDS)
        self.off()

    def off(self) -> None:
        if self.monitor is not None:
            self.monitor.thread.join()
            self.boots += self.monitor.resets
        if self.channel is not None:
            self.channel.close()
        self.processes, self.channel, self.monitor = [], None, None

    def boots_so_far(self) -> int:
        """How often it has started, resets included."""
        return self.boots + (self.monitor.resets if self.monitor else 0)

    def connected(self) -> Channel:
        if self.channel is None:
            raise RunnerError("it is off")
        return self.channel

    def wait_for_boot(self) -> None:
        """Wait until it takes commands."""
        self.connected().wait_for_boot(BOOT_SECONDS)

    def run(self, command: str) -> tuple[int, str, str]:
        """Run a bash command; returns its status, what it printed, and its errors."""
        return self.connected().run(command, COMMAND_SECONDS)

    def succeed(self, command: str) -> str:
        """Run a bash command, which must succeed; returns what it printed."""
        status, output, errors = self.run(command)
        if status != 0:
            raise RunnerError(f"`{command}` ended with {status}:\n{output}{errors}")
        return output

    def restart(self) -> None:
        """Reboot in order, and wait until it takes commands, however many resets that needs."""
        self.connected().send("systemctl --no-block reboot", COMMAND_SECONDS)
        self.wait_for_boot()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not path.exists():
        if time.monotonic() > deadline:
            raise RunnerError(f"{path} does not appear; see {path.parent}/hardware.log")
        time.sleep(0.02)
