"""A computer with UEFI: QEMU, the variables of its firmware and a disk with a volatile write cache. A power
cut can hit all of them.

The disk is served by nbdkit, which keeps every write in memory until the machine asks for a flush. Killing
QEMU and nbdkit is a power cut: writes that the machine has not flushed are lost, as with a real disk.
"""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from channel import Channel
from errors import RunnerError
from hardware import Hardware
from qmp import Monitor

# Emulation runs anywhere, also within a virtual machine. It runs without cmpxchg16b, because that of QEMU 7.2
# breaks the flags, and Linux panics.
PROCESSOR = ["-accel", "tcg,thread=multi", "-cpu", "qemu64,-cx16", "-smp", "2"]
# The time of the slowest boot that is not a failure: emulated, on a busy machine.
BOOT_SECONDS = 900
COMMAND_SECONDS = 900


class Computer:
    """One machine, which is off at first."""

    def __init__(self, hardware: Hardware, network: str = "none") -> None:
        self.hardware = hardware
        self.network = network
        self.folder = hardware.disk.parent
        self.console = self.folder / "console.log"
        self.journal = self.folder / "journal.log"
        # A line for each request to the disk and for each answer, since it was switched on.
        self.requests = self.folder / "requests.log"
        self.boots = 0
        self.processes: list[subprocess.Popen[bytes]] = []
        self.channel: Channel | None = None
        self.monitor: Monitor | None = None

    def boot(self) -> None:
        """Start the machine, and wait until it takes commands."""
        self.power_on()
        self.wait_for_boot()

    def resume(self) -> None:
        """Start the machine from where it was frozen."""
        self.power_on("-incoming", f"exec:cat {self.hardware.memory}")
        monitor = self.monitored()
        while monitor.execute("query-status")["status"] == "inmigrate":
            time.sleep(0.1)
        monitor.execute("cont")

    def freeze(self) -> Hardware:
        """Stop the machine where it is; return it as it is then, to be resumed any number of times."""
        monitor, memory = self.monitored(), self.folder / "memory"
        # All that the machine has written is flushed by that.
        monitor.execute("stop")
        monitor.execute("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        monitor.execute("migrate", uri=f"exec:cat >{memory}")
        while (status := monitor.execute("query-migrate").get("status")) != "completed":
            if status == "failed":
                raise RunnerError(f"QEMU does not write {memory}")
            time.sleep(0.1)
        disk, machine = self.processes
        machine.kill()
        machine.wait()
        disk.terminate()
        disk.wait(BOOT_SECONDS)
        self.off()
        return replace(self.hardware, memory=memory)

    def power_on(self, *options: str) -> None:
        """Start the machine without waiting for it."""
        if self.processes:
            raise RunnerError("the machine is on already")
        sockets = {name: self.folder / f"{name}.socket" for name in ("disk", "lab", "qmp")}
        for path in sockets.values():
            path.unlink(missing_ok=True)
        server: list[str | Path] = [
            "nbdkit", "--foreground", f"--unix={sockets['disk']}", "--filter=log", "--filter=cache",
            "file", self.hardware.disk, "cache=writeback", "cache-min-block-size=4096",
            f"logfile={self.requests}",
        ]  # fmt: skip
        machine: list[str | Path] = [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-nic", self.network,
            *self.hardware.options, *PROCESSOR, "-m", "768",
            "-drive", f"if=none,id=disk,format=raw,cache=none,file=nbd+unix:///?socket={sockets['disk']}",
            "-device", "virtio-blk-pci,drive=disk,bootindex=0", "-device", "virtio-rng-pci",
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=lab,name=lab",
            "-chardev", f"socket,id=lab,path={sockets['lab']},server=on,wait=off",
            "-device", "virtconsole,chardev=journal",
            "-chardev", f"file,id=journal,path={self.journal},append=on",
            "-serial", "chardev:console", "-chardev", f"file,id=console,path={self.console},append=on",
            "-device", "i6300esb", "-action", "watchdog=reset",
            "-qmp", f"unix:{sockets['qmp']},server=on,wait=off", *options,
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
        """Cut the power: everything that is not flushed is lost."""
        # The machine ends first, so that no write comes after the disk has ended.
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        self.off()

    def power_off(self) -> None:
        """Shut the machine down in order."""
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
        """How often the machine has started, including resets."""
        return self.boots + (self.monitor.resets if self.monitor else 0)

    def connected(self) -> Channel:
        if self.channel is None:
            raise RunnerError("the machine is off")
        return self.channel

    def monitored(self) -> Monitor:
        if self.monitor is None:
            raise RunnerError("the machine is off")
        return self.monitor

    def wait_for_boot(self) -> None:
        """Wait until the machine takes commands."""
        self.connected().wait_for_boot(BOOT_SECONDS)

    def run(self, command: str) -> tuple[int, str, str]:
        """Run a bash command; return its status, standard output and standard error."""
        return self.connected().run(command, COMMAND_SECONDS)

    def succeed(self, command: str) -> str:
        """Run a bash command, which must succeed; return its standard output."""
        status, output, errors = self.run(command)
        if status != 0:
            raise RunnerError(f"`{command}` ended with {status}:\n{output}{errors}")
        return output

    def explain(self) -> None:
        """Print the end of what the machine has said, by the kernel and by the journal."""
        for log in (self.console, self.journal):
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            print("\n".join([f"--- end of {log.name}", *lines[-40:]]), file=sys.stderr)

    def restart(self) -> None:
        """Reboot in order, and wait until the machine takes commands, after any number of resets."""
        self.connected().send("systemctl --no-block reboot", COMMAND_SECONDS)
        self.wait_for_boot()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not path.exists():
        if time.monotonic() > deadline:
            raise RunnerError(f"{path} does not appear; see {path.parent}/hardware.log")
        time.sleep(0.02)
