"""What more cores would bring: Amdahl's law on what one and two workers were measured to cost."""

from dataclasses import dataclass

CORES = (1, 2, 4, 16, 64)
ASSUMPTIONS = """Assumptions of the model:
- The serial fraction s is by how much a request's CPU time grows when a second worker is there: workers that
  wait for each other's cache lines or for a lock of the kernel wait on the CPU. Then n cores do
  n / (1 + s(n - 1)) times what one does (Amdahl), and never more than 1 / s times.
- All of that growth is taken to be shared work, though two workers that take turns with the load on two CPUs
  also find their caches cold. "Less the machine's" takes off what the second worker of nginx costs in the
  same rounds: its workers share nothing but the kernel.
- The busiest thread that is no worker (log, traces) is one, however many cores there are: the ceiling of
  every column. Waiting that takes no CPU time is not in the model; it shows as cores that are not busy with
  two workers.
- The load comes from other machines, its connections are kept alive and spread evenly, the network card has a
  queue for each core, and all cores are as fast as those measured, in one cache (no NUMA, no second thread of
  a core)."""


@dataclass(frozen=True)
class Scaling:
    """CPU microseconds per request with one worker (`one`) and with two (`two`), `shared` of them on the
    busiest thread that is no worker; `machine` is two workers over one for a server whose workers share
    nothing."""

    one: float
    two: float
    shared: float
    machine: float = 1

    @property
    def serial(self) -> float:
        """The serial fraction, all that the second worker adds put down to the server."""
        return max(self.two / self.one - 1, 0)

    @property
    def own_serial(self) -> float:
        """The serial fraction without what the machine adds for a server whose workers share nothing."""
        return max(self.two / self.one / max(self.machine, 1) - 1, 0)

    @property
    def ceiling(self) -> float:
        """Requests a second at which the busiest shared thread has a core of its own full."""
        return 1e6 / self.shared if self.shared > 0 else float("inf")

    def expected(self, cores: int, serial: float) -> float:
        """Requests a second of so many cores with a worker each, when this fraction of the work is serial."""
        return min(cores / (1 + serial * (cores - 1)) * 1e6 / self.one, self.ceiling)

    def rows(self) -> list[list[str]]:
        """Per number of cores: nothing serial, less the machine's part, and all that was measured."""
        return [
            [
                str(cores),
                *(f"{self.expected(cores, serial):,.0f}" for serial in (0, self.own_serial, self.serial)),
            ]
            for cores in CORES
        ]
