"""Nobody works, or somebody works who was believed dead."""

import asyncio

import pytest

from tests.faults.rig import gather
from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Booking, Kind
from tests.faults.rig.waiting import until_seen
from tests.faults.rig.weather import Act, id_in_any_form

AN_OLD_SNAPSHOT = rb"\x00\x00\x00\x07patient"
"""The parameter `origin` of the INSERT that takes the slot: the transaction has read by then."""


@pytest.mark.short
async def test_all_workers_dead_for_longer_than_a_hold(rig: Rig) -> None:
    title = "all workers dead for longer than a hold: the slot is bookable by the database alone"
    async with rig.case(4, title, api_serves="reads") as case:
        booking = case.booking()
        assert (await case.insist(Kind.HOLD, booking)).status == 201
        await case.stack.kill_and_hold_down("worker")
        case.injected("kill -9 worker, held down")

        await until_the_slot_is_bookable(case, booking)
        late = await case.insist(Kind.CONFIRM, booking)
        assert (late.status, late.code) == (410, "hold_expired")

        await case.stack.start("worker")
        async with case.load():
            await case.confirmed(5)

    assert case.evidence.rows[booking.appointment_id].status == "expired"


async def test_no_worker_polls_when_patients_come(rig: Rig) -> None:
    title = "no worker polls at all: 503 within the deadline, no orphan hold afterwards"
    async with rig.case(23, title, api_serves="reads") as case:
        await case.stack.stop("worker")
        case.injected("worker stopped")
        async with case.load():
            await case.answered(Kind.HOLD, 503, 5)
            await case.stack.start("worker")
            await case.confirmed(5)


async def test_a_worker_that_was_stopped_past_its_timeouts(rig: Rig) -> None:
    title = "SIGSTOP worker past task and activity timeouts, SIGCONT: the zombie's write is fenced"
    async with rig.case(10, title, api_serves="reads") as case, case.load(4):
        booking = case.booking()
        link = case.stack.link("worker", "postgres")
        writes = link.when(id_in_any_form(booking.appointment_id), AN_OLD_SNAPSHOT, do=Act.HOLD)
        asked = asyncio.create_task(case.insist(Kind.HOLD, booking))
        await writes.within()
        case.stack.pause("worker")
        case.injected("SIGSTOP worker with a hold in hand")
        async with case.stack.another("worker"):
            held = await asked
            assert held.status == 201
            await case.confirmed(5)
            confirmed = await case.insist(Kind.CONFIRM, booking)
            await link.heal()
            case.stack.resume("worker")
            case.injected("SIGCONT")
            await case.confirmed(5)
            assert confirmed.status == 200


async def until_the_slot_is_bookable(case: Case, booking: Booking) -> None:
    database = gather.Database(url=case.stack.address("postgres"))
    patient = case.rig.supply.patients.popleft()

    async def taken_for_a_trial() -> bool:
        tried, refused = await database.trial_of_lapsed([booking.appointment_id], [patient])
        return tried == 1 and not refused

    await until_seen(taken_for_a_trial, "the lapsed slot is bookable")
