"""Ports that this stack reserves, even while the server of a port is down."""

import random
import socket
import sys

LOOPBACK = "127.0.0.1"
# Below Linux's ephemeral range, so that no outgoing connection takes one.
FREE_PORTS = range(20_000, 32_000)


class Ports:
    """Reserved ports. `release` or the end of the process frees them.

    A reservation is an abstract Unix socket named after the port. It tells every other stack on
    this machine that the port is taken. The kernel removes it when the process ends.
    """

    def __init__(self) -> None:
        self._kept: list[socket.socket] = []

    def take(self, preferred: int | None = None) -> int:
        """The preferred port if it is free, otherwise any free port."""
        if preferred and self._keep(preferred):
            return preferred
        for port in random.sample(FREE_PORTS, k=1000):
            if self._keep(port):
                return port
        raise OSError("no free port found")

    def release(self) -> None:
        while self._kept:
            self._kept.pop().close()

    def _keep(self, port: int) -> bool:
        reservation = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if sys.platform == "linux":
                reservation.bind(f"\0priyom-port-{port}")
            _bind_once(port)
        except OSError:
            reservation.close()
            return False
        self._kept.append(reservation)
        return True


def _bind_once(port: int) -> None:
    with socket.socket() as probe:
        # As servers do: without it, the port of a recently closed connection looks taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))
