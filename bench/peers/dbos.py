"""DBOS: one workflow a booking, in the API's own process, its state in PostgreSQL.

`python -m bench.peers.dbos PORT SYSTEM_DATABASE_URL EXECUTOR`. The workflow tells of the hold and
of the visit by events; the patient's word is a message, waited for with a timeout.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from dbos import DBOS, DBOSConfig, SetWorkflowID

from bench.peers.front import serve, written
from bench.peers.steps import Steps, open_steps
from domain.booking import Appointment, BookingRequest
from domain.errors import HoldExpired, Refused

HELD, CONFIRMED, AGREED = "held", "confirmed", "agreed"
ANSWER_SECONDS = 10.0

opened: list[Steps] = []
"""The steps of this process, opened in its loop before the first booking."""


@DBOS.step()
async def hold(request: BookingRequest) -> Appointment:
    return await opened[0].hold(request)


@DBOS.step()
async def confirm(appointment_id: UUID) -> Appointment:
    return await opened[0].confirm(appointment_id)


@DBOS.step(retries_allowed=True, max_attempts=100)
async def publish(appointment: Appointment) -> None:
    await opened[0].publish(appointment)


@DBOS.step(retries_allowed=True, max_attempts=100)
async def invalidate(appointment: Appointment) -> None:
    await opened[0].invalidate(appointment)


@DBOS.workflow()
async def book(request: BookingRequest) -> None:
    """Hold, tell it, wait for the patient, confirm, tell it, announce."""
    try:
        held = await hold(request)
    except Refused as no:
        await DBOS.set_event_async(HELD, no)
        return
    await DBOS.set_event_async(HELD, held)
    if await DBOS.recv_async(AGREED, timeout_seconds=request.hold_seconds) is None:
        await DBOS.set_event_async(CONFIRMED, HoldExpired())
        return
    try:
        confirmed = await confirm(request.appointment_id)
    except Refused as no:
        await DBOS.set_event_async(CONFIRMED, no)
        return
    await DBOS.set_event_async(CONFIRMED, confirmed)
    await asyncio.gather(publish(confirmed), invalidate(confirmed))


class Durable:
    """Starts workflows, sends them the patient's word, and waits for what they tell."""

    async def hold(self, request: BookingRequest) -> bytes:
        workflow_id = str(request.appointment_id)
        with SetWorkflowID(workflow_id):
            await DBOS.start_workflow_async(book, request)
        return await _told(workflow_id, HELD)

    async def confirm(self, appointment_id: UUID) -> bytes:
        workflow_id = str(appointment_id)
        await DBOS.send_async(workflow_id, "yes", topic=AGREED)
        return await _told(workflow_id, CONFIRMED)


async def _told(workflow_id: str, key: str) -> bytes:
    told = await DBOS.get_event_async(workflow_id, key, timeout_seconds=ANSWER_SECONDS)
    if isinstance(told, Appointment):
        return written(told)
    raise told if isinstance(told, Refused) else TimeoutError(f"{workflow_id}: {key}")


@asynccontextmanager
async def open_dbos(system_database_url: str, executor: str) -> AsyncIterator[Durable]:
    config = DBOSConfig(
        name="bench",
        system_database_url=system_database_url,
        executor_id=executor,
        log_level="WARNING",
        enable_otlp=False,
    )
    DBOS(config=config)
    opened.append(await open_steps("bench-dbos"))
    DBOS.launch()
    yield Durable()
    DBOS.destroy()
    await opened[0].close()


if __name__ == "__main__":
    serve(partial(open_dbos, sys.argv[2], sys.argv[3]), int(sys.argv[1]))
