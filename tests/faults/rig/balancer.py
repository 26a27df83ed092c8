"""A load balancer before the processes of the API."""

from collections.abc import Callable
from itertools import count

from tests.faults.rig.laying import FRONT
from tests.faults.rig.proxy import Proxy


class Balancer(Proxy):
    """Leads each new connection to the next of the processes that are ready."""

    def __init__(self, port: int, ready: Callable[[], list[int]]) -> None:
        super().__init__(f"{FRONT} → api", port, 0)
        self._ready = ready
        self._turns = count()

    def leads_to(self) -> int:
        ports = self._ready()
        return ports[next(self._turns) % len(ports)] if ports else self.target
