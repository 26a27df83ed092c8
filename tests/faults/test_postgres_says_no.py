"""PostgreSQL's answers are lost, late or a refusal that will not be one the next time."""

import asyncio

import psycopg
import pytest

from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Booking, Call, Kind
from tests.faults.rig.injectors import row_locked
from tests.faults.rig.load import Mix
from tests.faults.rig.sabotage import fail, sabotaged, waiting_for_locks
from tests.faults.rig.stack import HOLD_SECONDS
from tests.faults.rig.waiting import until_seen
from tests.faults.rig.weather import Act, id_in_any_form

BUSY = Mix(confirm=0.7, think=0.1)

READ_COMMITTED = "current_setting('transaction_isolation') = 'read committed'"
"""A release is a statement of its own; a patient who takes a lapsed slot is SERIALIZABLE."""


@pytest.mark.short
async def test_the_reply_to_commit_is_lost(rig: Rig) -> None:
    title = "the reply to COMMIT, and to the confirming statement, is lost: was it done or not?"
    async with rig.case(15, title, api_serves="reads") as case:
        link = case.stack.link("worker", "postgres")
        async with case.load(6, mix=BUSY):
            for _ in range(3):
                await link.when(rb"COMMIT", do=Act.LOSE_REPLY).within()
            for _ in range(3):
                booking = case.booking()
                assert (await case.insist(Kind.HOLD, booking)).status == 201
                written = id_in_any_form(booking.appointment_id)
                lost = link.when(written, do=Act.LOSE_REPLY)
                assert (await case.insist(Kind.CONFIRM, booking)).status == 200
                await lost.within()
            await case.confirmed(3)


async def test_a_long_lock_on_the_row(rig: Rig) -> None:
    title = "another transaction keeps the row locked: nobody hangs, and it goes on afterwards"
    async with rig.case(16, title) as case, case.load(4):
        url = case.stack.address("postgres")
        confirmed, lapsing = case.booking(), case.booking()
        for booking in (confirmed, lapsing):
            assert (await case.insist(Kind.HOLD, booking)).status == 201
        async with row_locked(url, lapsing.appointment_id):
            async with row_locked(url, confirmed.appointment_id):
                asked = asyncio.create_task(case.insist(Kind.CONFIRM, confirmed))
                await until_somebody_waits(case)
                await asyncio.sleep(1.5)
            assert (await asked).status == 200
            await until_over(url, lapsing)
            next_patient = rig.supply.booking(lapsing.slot)
            taking = asyncio.create_task(case.insist(Kind.HOLD, next_patient))
            await until_somebody_waits(case)
            await asyncio.sleep(2.5)
        assert (await taking).status == 201
        await case.confirmed(2)


async def until_somebody_waits(case: Case) -> None:
    url = case.stack.address("postgres")

    async def somebody_waits() -> bool:
        return await waiting_for_locks(url) > 0

    await until_seen(somebody_waits, "a statement waits for the lock")
    case.injected("statements waited for the lock")


async def until_over(url: str, booking: Booking) -> None:
    """By the database's clock; a lock keeps nobody from reading."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:

        async def is_over() -> bool:
            found = await connection.execute(
                "SELECT held_until <= clock_timestamp() FROM schedules WHERE id = %s",
                (booking.appointment_id,),
            )
            return bool((await found.fetchone() or (False,))[0])

        await until_seen(is_over, "the hold is over")


async def test_conflicts_and_deadlocks(rig: Rig) -> None:
    title = "every third hold ends by 40001, every third change by 40P01: no caller hears of it"
    async with rig.case(17, title) as case:
        url = case.stack.address("postgres")
        async with case.load(6, mix=BUSY):
            async with sabotaged(url, fail("40001"), on="INSERT", chance=1 / 3) as conflicts:
                await conflicts.reached(6)
                await case.confirmed(3)
                case.injected("serialization failures", await conflicts.times())
            async with sabotaged(url, fail("40P01"), on="UPDATE", chance=1 / 3) as deadlocks:
                await deadlocks.reached(6)
                await case.confirmed(3)
                case.injected("deadlocks", await deadlocks.times())
    assert case.history.unknown() == 0


async def test_a_release_that_fails_for_a_while(rig: Rig) -> None:
    title = "no release works for 12 s: a hold that is over is bookable all the same"
    async with rig.case(36, title) as case:
        url = case.stack.address("postgres")
        given_up, lapsed = case.booking(), case.booking()
        for booking in (given_up, lapsed):
            assert (await case.insist(Kind.HOLD, booking)).status == 201
        ends = f"NEW.status IN ('expired', 'cancelled') AND {READ_COMMITTED}"
        async with (
            sabotaged(url, fail("53200"), on="UPDATE", when=ends) as releases,
            case.load(4, mix=Mix(confirm=0.6, cancel=0.0, cancel_visit=0.0)),
        ):
            cancelling = asyncio.create_task(case.insist(Kind.CANCEL, given_up))
            await releases.reached(3)
            await asyncio.sleep(HOLD_SECONDS)
            for booking in (given_up, lapsed):
                assert (await next_patient(case, booking)).status == 201
            case.injected("releases that failed", await releases.times())
        await cancelling
    assert case.evidence.rows[lapsed.appointment_id].status == "expired"


async def next_patient(case: Case, booking: Booking) -> Call:
    return await case.insist(Kind.HOLD, case.rig.supply.booking(booking.slot))
