"""The API dies or stops while patients wait for its answer."""

import asyncio

import pytest

from tests.faults.rig import gather
from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Booking, Kind
from tests.faults.rig.waiting import until_seen
from tests.faults.rig.weather import Act, id_in_any_form


@pytest.mark.short
async def test_killed_after_the_run_was_begun(rig: Rig) -> None:
    title = "kill -9 API after the run was begun: the key is replayed, one run, same answer"
    async with rig.case(8, title) as case, case.load(4):
        database = gather.Database(url=case.stack.address("postgres"))
        booking = case.booking()
        id_ = booking.appointment_id
        link = case.stack.link("api", "temporal")
        begun = link.when(id_in_any_form(id_), do=Act.HOLD_REPLY)

        async def is_held() -> bool:
            return id_ in await database.rows([id_])

        async with case.nobody_can_answer():
            asked = asyncio.create_task(case.insist(Kind.HOLD, booking))
            await begun.within()
            await until_seen(is_held, "the run has held the slot")
            case.stack.kill("api")
            case.injected("kill -9 API")
            await link.heal()
            held = await asked
        assert held.status == 201 or held.code == "hold_expired"
        await case.confirmed(3)
        await case.insist(Kind.CANCEL, booking)

    assert await case.runs_of(booking) == 1


@pytest.mark.short
async def test_killed_while_patients_wait(rig: Rig) -> None:
    title = "kill -9 API, which runs the bookings, under load: the worker takes them over"
    async with rig.case(3, title) as case, case.load(6):
        await case.confirmed(5)
        async with case.nobody_can_answer():
            case.stack.kill("api")
            case.injected("kill -9 API")
            await case.confirmed(1)
        await case.confirmed(5)


@pytest.mark.short
async def test_killed_behind_the_answer_before_the_event(rig: Rig) -> None:
    title = "kill -9 API behind the confirmed answer, before Kafka has the event"
    async with rig.case(6, title) as case, case.load(4):
        await _killed_while_it_announces(case, Act.HOLD)


async def test_killed_behind_the_answer_after_the_event(rig: Rig) -> None:
    title = "kill -9 API behind the confirmed answer, after Kafka's acknowledgement"
    async with rig.case(7, title) as case, case.load(4):
        booking = await _killed_while_it_announces(case, Act.HOLD_REPLY)

    told = [e.id for e in case.evidence.events if e.appointment_id == booking.appointment_id]
    assert (len(told), len(set(told))) == (2, 1), "the event came twice, under one id"


async def _killed_while_it_announces(case: Case, do: Act) -> Booking:
    """The patient has the answer by then; the run's next process announces the visit."""
    booking = case.booking()
    assert (await case.insist(Kind.HOLD, booking)).status == 201
    link = case.stack.link("api", "kafka")
    announced = link.when(id_in_any_form(booking.appointment_id), do=do)
    confirmed = await case.insist(Kind.CONFIRM, booking)
    assert confirmed.status == 200
    async with case.nobody_can_answer():
        await announced.within()
        case.stack.kill("api")
        case.injected("kill -9 API")
        await link.heal()
        await case.confirmed(1)
    return booking


async def test_one_of_two_killed_while_patients_wait(rig: Rig) -> None:
    title = "kill -9 one of two API processes under load, twice: the other one goes on"
    async with (
        rig.case(3, title) as case,
        case.stack.told("api", PRIYOM_API_PROCESSES="2"),
        case.load(6),
    ):
        for _ in range(2):
            await case.confirmed(10)
            async with case.nobody_can_answer():  # whom the dead one had in hand
                case.stack.kill_child("api")
                case.injected("kill -9 one of two API processes")
                await case.confirmed(1)
        await case.confirmed(10)


async def test_told_to_stop_while_patients_wait(rig: Rig) -> None:
    title = "SIGTERM API under load: what is in hand is answered, then its worker is shut down"
    async with rig.case(3, title) as case, case.load(6):
        await case.confirmed(5)
        async with case.nobody_can_answer():
            await case.stack.stop("api")
            case.injected("SIGTERM API")
            await case.stack.start("api")
            await case.confirmed(1)
        await case.confirmed(5)


async def test_stopped_under_load(rig: Rig) -> None:
    title = "SIGSTOP API for 8 s under load, SIGCONT"
    async with rig.case(9, title) as case, case.load(6):
        await case.confirmed(5)
        async with case.nobody_can_answer():
            case.stack.pause("api")
            case.injected("SIGSTOP API, seconds", 8)
            await asyncio.sleep(8)
            case.stack.resume("api")
        await case.confirmed(5)
