"""Runs ended by force, and nobody but the audit left to finish them, by its own clock."""

import time

import psycopg

from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Booking, Kind
from tests.faults.rig.waiting import until_seen

ANNOUNCED_WITHIN = 90.0
NOTICE = "SELECT FROM notifications WHERE appointment_id = %s AND audience = 'doctor'"
HELD = "SELECT FROM schedules WHERE id = %s AND status = 'held'"


async def terminated(case: Case, *, confirmed: bool) -> Booking:
    booking = case.booking()
    await case.insist(Kind.HOLD, booking)
    if confirmed:
        await case.insist(Kind.CONFIRM, booking)
    run = case.rig.temporal.get_workflow_handle(f"appointment-{booking.appointment_id}")
    await run.terminate("by a test")
    case.stopped.add(booking.appointment_id)
    case.injected("confirmed run terminated" if confirmed else "holding run terminated")
    return booking


async def finds(case: Case, query: str, booking: Booking) -> bool:
    url = case.stack.address("postgres")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        found = await connection.execute(query.encode(), (booking.appointment_id,))
        return await found.fetchone() is not None


async def test_runs_ended_by_force_are_finished_by_the_audits_own_clock(rig: Rig) -> None:
    title = "a run is terminated after its confirmation, another while it holds: announced in 90 s"
    async with rig.case(37, title, api_serves="reads") as case:
        kafka = case.stack.link("worker", "kafka")
        kafka.swallow()
        begun = time.monotonic()
        visit = await terminated(case, confirmed=True)
        hold = await terminated(case, confirmed=False)
        await kafka.heal()

        async with case.load(2):

            async def announced() -> bool:
                return await finds(case, NOTICE, visit)

            async def given_up() -> bool:
                return not await finds(case, HELD, hold)

            left = ANNOUNCED_WITHIN - (time.monotonic() - begun)
            await until_seen(announced, "the event of the terminated run", within=left, every=0.5)
            await until_seen(given_up, "the hold of the terminated run", every=0.5)

    told = [event for event in case.evidence.events if event.appointment_id == visit.appointment_id]
    assert {event.sequence for event in told} == {2}
    assert len({event.id for event in told}) == 1
