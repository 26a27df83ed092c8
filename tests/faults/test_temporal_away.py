"""Temporal dies in each phase of a booking, or stops, and comes back: nothing is lost."""

import asyncio
import random

import pytest

from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Booking, Call, Kind
from tests.faults.rig.injectors import spread
from tests.faults.rig.report import Line
from tests.faults.rig.weather import Act, Sighting, id_in_any_form

STOPPED_SECONDS = 15.0
RESTLESS_SECONDS = 10.0


async def test_killed_while_the_run_starts(rig: Rig) -> None:
    title = "kill -9 Temporal, start: the API waits for its answer"
    async with rig.case(19, title, api_serves="reads") as case, case.load(3):
        booking = case.booking()
        asked = seen(case, booking, do=Act.HOLD_REPLY)
        held = await killed_at(case, asked, Kind.HOLD, booking)
        assert held.status in {201, 410}, held
        await case.insist(Kind.CANCEL, booking)

    assert await case.runs_of(booking) == 1


async def test_killed_before_it_knows_of_the_hold(rig: Rig) -> None:
    title = "kill -9 Temporal, held: the row is written, its result never arrives"
    async with rig.case(19, title, api_serves="reads") as case, case.load(3):
        booking = case.booking()
        told = seen_done(case, "hold_slot", booking)
        held = await killed_at(case, told, Kind.HOLD, booking)
        assert held.status in {201, 410}, held
        await case.insist(Kind.CANCEL, booking)


@pytest.mark.short
async def test_killed_while_patients_wait(rig: Rig) -> None:
    title = "kill -9 Temporal, waiting: timers fire after it is back, confirms arrive"
    async with rig.case(19, title) as case, case.load(3):
        forgotten, meant = case.booking(), case.booking()
        for booking in (forgotten, meant):
            assert (await case.insist(Kind.HOLD, booking)).status == 201
        case.stack.kill("temporal")
        case.injected("kill -9 Temporal")
        confirmed = await case.insist(Kind.CONFIRM, meant)
        assert confirmed.status in {200, 410}, confirmed


async def test_killed_after_the_confirm_commit(rig: Rig) -> None:
    title = "kill -9 Temporal, confirm: the row is confirmed, its result never arrives"
    async with rig.case(19, title, api_serves="reads") as case, case.load(3):
        booking = case.booking()
        assert (await case.insist(Kind.HOLD, booking)).status == 201
        told = seen_done(case, "confirm_appointment", booking)
        confirmed = await killed_at(case, told, Kind.CONFIRM, booking)
        assert confirmed.status == 200, confirmed


async def test_killed_while_the_run_closes(rig: Rig) -> None:
    title = "kill -9 Temporal, close: the event is published, its result never arrives"
    async with rig.case(19, title, api_serves="reads") as case, case.load(3):
        booking = case.booking()
        assert (await case.insist(Kind.HOLD, booking)).status == 201
        published = case.stack.link("worker", "kafka").when(
            id_in_any_form(booking.appointment_id), do=Act.ONLY_LOOK
        )
        confirmed = await killed_at(case, published, Kind.CONFIRM, booking)
        assert confirmed.status == 200, confirmed


async def test_killed_and_stopped_at_random(rig: Rig) -> None:
    title = "Temporal killed or stopped at random under load, in place of persistence faults"
    async with rig.case(20, title) as case, case.load(4):
        async for part in spread(RESTLESS_SECONDS, 4):
            if part % 2:
                case.stack.kill("temporal")
                case.injected("kill -9 Temporal")
            else:
                case.stack.pause("temporal")
                await asyncio.sleep(random.uniform(0.2, 1.5))
                case.stack.resume("temporal")
                case.injected("Temporal stopped for a moment")
        await case.confirmed(3)


async def test_faults_of_its_own_store(rig: Rig) -> None:
    """The one line of the report; the test above is what this stack can have instead."""
    rig.report.write(
        Line(
            case=20,
            title="Temporal persistence faults 5 % incl. ExecuteAndTimeout",
            injected={},
            test=rig.node,
            note="the development server takes no configuration file, and its fault injection is "
            "set there only; killing and stopping it at random stands for it",
        )
    )


async def test_stopped_for_fifteen_seconds(rig: Rig) -> None:
    async with rig.case(21, "SIGSTOP Temporal 15 s") as case, case.load(4):
        await case.confirmed(2)
        case.stack.pause("temporal")
        await asyncio.sleep(STOPPED_SECONDS)
        case.stack.resume("temporal")
        case.injected("SIGSTOP Temporal 15 s")
        await case.confirmed(5)


def seen(case: Case, booking: Booking, *, do: Act) -> Sighting:
    """When the worker says this id to Temporal: it begins the run."""
    link = case.stack.link("worker", "temporal")
    return link.when(id_in_any_form(booking.appointment_id), do=do)


def seen_done(case: Case, step: str, booking: Booking) -> Sighting:
    """When the worker tells Temporal what came of that step, whose marker follows the run's id."""
    marker = rb".{0,600}core_local_activity.{0,900}" + step.encode()
    link = case.stack.link("worker", "temporal")
    return link.when(b"(?:" + id_in_any_form(booking.appointment_id) + b")" + marker, do=Act.HOLD)


async def killed_at(case: Case, moment: Sighting, kind: Kind, booking: Booking) -> Call:
    """Temporal is killed at that moment of the call; what the front end is told in the end."""
    asked = asyncio.create_task(case.insist(kind, booking))
    await moment.within()
    case.stack.kill("temporal")
    case.injected("kill -9 Temporal")
    for link in case.stack.links_of(server="temporal"):
        await link.heal()
    return await asked
