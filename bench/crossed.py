"""A confirm on the process that runs the booking, and on the other one, in turns.

`PRIYOM_API_PROCESSES=2 make up`, then `python -m bench.crossed`. A run's tasks go back to the
process that began it, so a confirm that lands on another one is answered by way of Temporal.
"""

import asyncio
import statistics
import time
from argparse import Namespace

import psutil

from adapters.process.exit import exit_process
from bench.clinic import Clinic, options_of
from bench.free_slots import Wish
from bench.http import Connection

HERE, THERE = "the process of its run", "the other process"


async def main(options: Namespace) -> int:
    clinic = Clinic(options.home)
    begins, other = await two_processes(clinic)
    wishes = await clinic.wishes()
    taken: dict[str, list[float]] = {HERE: [], THERE: []}
    for number in range(options.confirms * 2):
        where = (HERE, THERE)[number % 2]
        confirms = begins if where == HERE else other
        taken[where].append(await confirmed_in(begins, confirms, wishes.pop()))
    for where, seconds in taken.items():
        print(f"confirmed by {where}: {statistics.median(seconds) * 1000:.1f} ms, median")
    ratio = statistics.median(taken[THERE]) / statistics.median(taken[HERE])
    print(f"the other process takes {ratio:.2f} times as long")
    await clinic.close()
    return 0


async def two_processes(clinic: Clinic) -> tuple[Connection, Connection]:
    """A connection to each of two processes, which the kernel shares connections out to."""
    found: dict[int, Connection] = {}
    while len(found) < 2:
        connection = Connection(clinic.api)
        await connection.request("GET", "/healthz")
        if (pid := process_of(clinic, connection)) in found:
            await connection.close()
        else:
            found[pid] = connection
    first, second = found.values()
    return first, second


def process_of(clinic: Clinic, connection: Connection) -> int:
    """Which process of the API has the other end."""
    port = connection.local_port
    for process in psutil.Process(clinic.state["pids"]["api"]).children():
        if any(each.raddr and each.raddr.port == port for each in process.net_connections()):
            pid: int = process.pid
            return pid
    raise RuntimeError("no process has the connection: start the API with PRIYOM_API_PROCESSES=2")


async def confirmed_in(begins: Connection, confirms: Connection, wish: Wish) -> float:
    """Seconds, of a confirmation that is right."""
    held = await begins.hold(wish)
    started = time.perf_counter()
    answer = await confirms.tell(held.body["appointmentId"], "confirm")
    took = time.perf_counter() - started
    if (answer.status, answer.body["status"]) != (200, "confirmed"):
        raise RuntimeError(f"not confirmed: {answer.body}")
    return took


if __name__ == "__main__":
    exit_process(asyncio.run(main(options_of(__doc__, confirms=100))))
