"""PostgreSQL dies, is silent, drops its clients or has no room for them, while patients book."""

import asyncio

from tests.faults.rig.case import Rig
from tests.faults.rig.history import Kind
from tests.faults.rig.injectors import all_connections_taken, end_backends
from tests.faults.rig.load import Mix
from tests.faults.rig.sabotage import END_THE_BACKEND, sabotaged

BUSY = Mix(confirm=0.7, think=0.1)


async def test_postgres_killed(rig: Rig) -> None:
    title = "kill -9 PostgreSQL under load, twice, restart: every acknowledged row is there"
    async with rig.case(11, title) as case, case.load(8, mix=BUSY):
        for _ in range(2):
            await case.confirmed(4)
            case.stack.kill("postgres")
            case.injected("kill -9 postgres")
        await case.confirmed(5)


async def test_backends_ended_in_mid_transaction(rig: Rig) -> None:
    title = "pg_terminate_backend inside a write, 1 in 20, and of idle connections, 1 in 20"
    async with rig.case(12, title) as case:
        url = case.stack.address("postgres")
        await end_backends(url)  # of the processes' pools, so that all of them are new
        async with (
            sabotaged(url, END_THE_BACKEND, on="INSERT OR UPDATE", chance=1 / 20) as sabotage,
            case.load(10, mix=BUSY),
        ):
            while await sabotage.times() < 4:
                case.injected("connections ended", await end_backends(url, one_in=20))
                await asyncio.sleep(0.1)
            case.injected("backends ended in a write", await sabotage.times())
            await case.confirmed(2)


async def test_postgres_stopped(rig: Rig) -> None:
    title = "SIGSTOP PostgreSQL for 9 s under load: 503 within the deadline, then all goes on"
    async with rig.case(13, title) as case, case.load(6):
        await case.confirmed(5)
        case.stack.pause("postgres")
        case.injected("seconds stopped", 9)
        await case.answered(Kind.HOLD, 503, 3)
        await asyncio.sleep(3)
        case.stack.resume("postgres")
        await case.confirmed(5)


async def test_every_connection_taken_by_somebody_else(rig: Rig) -> None:
    title = "another client has every connection for some seconds, and the processes' own are ended"
    async with rig.case(14, title) as case, case.load(6):
        await case.confirmed(5)
        url = case.stack.address("postgres")
        async with all_connections_taken(url) as taken:
            case.injected("connections taken", taken)
            links = [case.stack.link(name, "postgres") for name in ("worker", "api")]
            for link in links:
                link.refuse()  # until the others are taken, or the processes were first
            async with all_connections_taken(url) as more:
                for link in links:
                    await link.heal()
                case.injected("connections of the processes taken", more)
                await case.answered(Kind.HOLD, 503, 3)
                await asyncio.sleep(2)
        await case.confirmed(5)
