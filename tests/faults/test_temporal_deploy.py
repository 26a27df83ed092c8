"""A worker with changed workflow code takes over open bookings: each ends, none loses its way."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from temporalio.api.enums.v1 import EventType

from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Booking, Kind
from tests.faults.rig.stack import Stack
from tests.workflows.changed_booking import PATIENT_FIRST

CHANGED = [sys.executable, "-m", "tests.faults.rig.changed_worker"]


async def test_deployed_over_open_bookings(rig: Rig) -> None:
    title = "deploy of changed workflow code (`patched`) with open bookings"
    async with AsyncExitStack() as back_to_the_old_code:
        async with rig.case(38, title, api_serves="reads") as case, case.load(3):
            open_before = [case.booking() for _ in range(4)]
            for booking in open_before:
                assert (await case.insist(Kind.HOLD, booking)).status == 201
            await back_to_the_old_code.enter_async_context(deployed(case.stack))
            case.injected("worker with changed code")
            for booking in open_before:
                assert (await case.insist(Kind.CONFIRM, booking)).status in {200, 410}
            new = case.booking()
            for kind, status in ((Kind.HOLD, 201), (Kind.CONFIRM, 200)):
                assert (await case.insist(kind, new)).status == status

        assert await is_of_the_new_code(case, new)


@asynccontextmanager
async def deployed(stack: Stack) -> AsyncIterator[None]:
    """A run that was begun by the new code is not given back to the old: the case ends first."""
    kept = stack.kept("worker")
    before = kept.program
    await kept.stop()
    kept.program = replace(before, argv=CHANGED)
    await kept.start()
    try:
        yield
    finally:
        await kept.stop()
        kept.program = before
        await kept.start()


async def is_of_the_new_code(case: Case, booking: Booking) -> bool:
    """Its history has the patch's mark."""
    run = case.run_of(booking)
    marks = [
        event.marker_recorded_event_attributes
        for event in (await run.fetch_history()).events
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
    ]
    return any(PATIENT_FIRST in str(mark.details) for mark in marks)
