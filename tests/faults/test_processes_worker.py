"""The worker dies in each phase of a booking: nothing is lost, nothing is done twice."""

import asyncio

import pytest

from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Booking, Call, Kind
from tests.faults.rig.weather import Act, Sighting, id_in_any_form


async def test_killed_after_the_hold_commit(rig: Rig) -> None:
    title = "kill -9 worker after the hold commit, before its result is recorded"
    async with rig.case(1, title, api_serves="reads") as case, case.load(4):
        booking = case.booking()
        committed = at_postgres(case, booking, rb"COMMIT", do=Act.HOLD_REPLY)
        held = await killed_at(case, committed, Kind.HOLD, booking)
        assert_held_while_it_lasted(held)
        await case.insist(Kind.CANCEL, booking)

    begun = [change.id for change in case.evidence.changes if change.version == 1]
    assert len(begun) == len(set(begun))


@pytest.mark.short
async def test_killed_while_the_post_waits_for_held(rig: Rig) -> None:
    title = "kill -9 worker while the POST waits for held: the key is replayed, one workflow"
    async with rig.case(2, title, api_serves="reads") as case, case.load(4):
        booking = case.booking()
        asked = at_postgres(case, booking, do=Act.HOLD)
        held = await killed_at(case, asked, Kind.HOLD, booking)
        assert_held_while_it_lasted(held)
        await case.insist(Kind.CANCEL, booking)

    assert await case.runs_of(booking) == 1


async def test_killed_while_patients_wait(rig: Rig) -> None:
    title = "kill -9 worker while patients wait; another one takes the confirm"
    async with rig.case(3, title, api_serves="reads") as case, case.load():
        for _ in range(2):
            await case.confirmed(5)
            case.stack.kill("worker")
            case.injected("kill -9 worker")
        await case.confirmed(5)


@pytest.mark.short
async def test_killed_after_the_confirm_commit(rig: Rig) -> None:
    title = "kill -9 worker after the confirm commit, before its result is recorded"
    async with rig.case(5, title, api_serves="reads") as case, case.load(4):
        booking = case.booking()
        assert (await case.insist(Kind.HOLD, booking)).status == 201
        written = at_postgres(case, booking, do=Act.HOLD_REPLY)
        confirmed = await killed_at(case, written, Kind.CONFIRM, booking)
        assert confirmed.status == 200


async def test_killed_after_the_confirm_before_the_event(rig: Rig) -> None:
    title = "kill -9 worker right after the confirmed answer, before the event is published"
    async with rig.case(6, title, api_serves="reads") as case, case.load(4):
        booking = case.booking()
        assert (await case.insist(Kind.HOLD, booking)).status == 201
        published = at_kafka(case, booking, do=Act.HOLD)
        confirmed = await killed_at(case, published, Kind.CONFIRM, booking)
        assert confirmed.status == 200


async def test_killed_after_kafka_has_the_event(rig: Rig) -> None:
    title = "kill -9 worker after Kafka's acknowledgement, before its result is recorded"
    async with rig.case(7, title, api_serves="reads") as case, case.load(4):
        booking = case.booking()
        assert (await case.insist(Kind.HOLD, booking)).status == 201
        published = at_kafka(case, booking, do=Act.HOLD_REPLY)
        confirmed = await killed_at(case, published, Kind.CONFIRM, booking)
        assert confirmed.status == 200

    told = [e.id for e in case.evidence.events if e.appointment_id == booking.appointment_id]
    assert (len(told), len(set(told))) == (2, 1), "the event came twice, under one id"


def at_postgres(case: Case, booking: Booking, *then: bytes, do: Act) -> Sighting:
    """When the worker says this id to PostgreSQL, and then that."""
    link = case.stack.link("worker", "postgres")
    return link.when(id_in_any_form(booking.appointment_id), *then, do=do)


def at_kafka(case: Case, booking: Booking, *, do: Act) -> Sighting:
    link = case.stack.link("worker", "kafka")
    return link.when(id_in_any_form(booking.appointment_id), do=do)


async def killed_at(case: Case, moment: Sighting, kind: Kind, booking: Booking) -> Call:
    """The worker is killed at that moment of the call; what the front end is told in the end."""
    asked = asyncio.create_task(case.insist(kind, booking))
    await moment.within()
    case.stack.kill("worker")
    case.injected("kill -9 worker")
    for link in case.stack.links_of(client="worker"):
        await link.heal()
    return await asked


def assert_held_while_it_lasted(held: Call) -> None:
    """410 only to a patient who hears of the hold after its end, as on a machine that is busy."""
    assert held.status == 201 or (held.status, held.code) == (410, "hold_expired"), held
