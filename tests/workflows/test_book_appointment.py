"""The booking process on a real Temporal server, time skipped, over the clinic in memory."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import CancelledError

from api.booking.temporal_errors import NoAnswer, NoRun
from domain.booking import Result, Status
from domain.errors import (
    AlreadyConfirmed,
    ExtensionLimit,
    HoldExpired,
    SlotTaken,
    VersionMismatch,
)
from domain.events import EventType
from tests.builders import MONDAY_NINE, a_request, an_appointment
from tests.workflows.conftest import FrontDesk, Record, eventually

NEARLY_TEN_MINUTES = timedelta(minutes=9, seconds=55)
TEN_MINUTES = timedelta(minutes=10, seconds=1)


async def test_a_confirmed_booking_is_announced_once(desk: FrontDesk) -> None:
    request = a_request()

    held = await desk.book(request)
    confirmed = await desk.runs.confirm(request.appointment_id)

    assert held.appointment.status is Status.HELD
    assert confirmed.appointment.status is Status.CONFIRMED
    assert await desk.run_of(request).result() == Result(status=Status.CONFIRMED)
    assert [event.type for event in desk.clinic.events] == [EventType.CONFIRMED]
    assert desk.clinic.calls[:2] == ["hold_slot", "confirm_appointment"]
    assert sorted(desk.clinic.calls[2:]) == ["invalidate_schedule", "publish_event"]


async def test_the_answer_does_not_wait_for_kafka(desk: FrontDesk) -> None:
    request = a_request()
    kafka_is_back = desk.clinic.close_gate("publish_event")

    await desk.book(request)
    confirmed = await desk.runs.confirm(request.appointment_id)

    assert confirmed.appointment.status is Status.CONFIRMED
    assert desk.clinic.events == []
    kafka_is_back.set()
    await desk.run_of(request).result()
    assert len(desk.clinic.events) == 1


async def test_an_unconfirmed_hold_lapses_after_ten_minutes_and_is_no_event(
    desk: FrontDesk,
) -> None:
    request = a_request()
    await desk.book(request)

    await desk.pass_time(request, TEN_MINUTES)

    assert await desk.run_of(request).result() == Result(status=Status.EXPIRED)
    assert desk.clinic.rows[request.appointment_id].status is Status.EXPIRED
    assert desk.clinic.events == []
    assert set(desk.clinic.calls) == {"hold_slot", "release_slot", "invalidate_schedule"}


async def test_a_hold_can_be_confirmed_in_its_last_seconds(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)

    await desk.pass_time(request, NEARLY_TEN_MINUTES)
    confirmed = await desk.runs.confirm(request.appointment_id)

    assert confirmed.refusal is None
    assert confirmed.appointment.status is Status.CONFIRMED


async def test_a_lapsed_hold_cannot_be_confirmed(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)
    announced = desk.clinic.close_gate("invalidate_schedule")
    await desk.pass_time(request, TEN_MINUTES)
    await eventually(lambda: "release_slot" in desk.clinic.calls)

    with pytest.raises(HoldExpired):
        await desk.runs.confirm(request.appointment_id)
    announced.set()
    await desk.run_of(request).result()
    with pytest.raises(NoRun):
        await desk.runs.confirm(request.appointment_id)


async def test_a_taken_slot_is_a_completed_run_with_its_code_and_nothing_to_undo(
    desk: FrontDesk,
) -> None:
    first = a_request()
    second = a_request(starts_at=first.starts_at, patient_id=uuid4())
    await desk.book(first)

    lost = await desk.book(second)

    assert lost.refusal is not None
    assert lost.refusal.code == SlotTaken.code
    assert await desk.run_of(second).result() == Result(
        status=Status.REFUSED, code=SlotTaken.code, refusal=lost.refusal
    )
    assert "release_slot" not in desk.clinic.calls
    document = await desk.run_of(second).query("appointment")
    assert (document["status"], document["code"]) == ("refused", "slot_taken")


async def test_a_repeated_booking_has_one_run_and_one_answer(desk: FrontDesk) -> None:
    request = a_request()

    outcomes = await asyncio.gather(*(desk.book(request) for _ in range(20)))

    assert len(set(outcomes)) == 1
    assert desk.clinic.calls == ["hold_slot"]


async def test_a_repeated_booking_is_answered_by_a_closed_run(desk: FrontDesk) -> None:
    request = a_request()
    first = await desk.book(request)
    await desk.runs.confirm(request.appointment_id)
    await desk.run_of(request).result()

    again = await desk.book(request)

    assert again == first


async def test_twenty_confirmations_at_once_are_one(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)

    outcomes = await asyncio.gather(*(desk.runs.confirm(request.appointment_id) for _ in range(20)))

    assert {outcome.appointment.status for outcome in outcomes} == {Status.CONFIRMED}
    await desk.run_of(request).result()
    assert desk.clinic.calls.count("confirm_appointment") == 1
    assert len(desk.clinic.events) == 1
    await record("confirmed-twenty-times", desk.run_of(request))


async def test_a_hold_given_up_is_released_with_its_reason(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)

    cancelled = await desk.runs.give_up(request.appointment_id, "mistake")

    assert cancelled.refusal is None
    assert cancelled.appointment.status is Status.CANCELLED
    assert cancelled.appointment.reason == "mistake"
    assert await desk.run_of(request).result() == Result(status=Status.CANCELLED)
    assert desk.clinic.events == []


async def test_a_reason_that_the_clinic_does_not_know_is_rejected(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)

    with pytest.raises(WorkflowUpdateFailedError):
        await desk.run_of(request).execute_update("cancel", "nonsense")

    assert desk.clinic.rows[request.appointment_id].status is Status.HELD


async def test_giving_up_after_confirming_is_told_that_the_visit_is_confirmed(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    await desk.book(request)
    database = desk.clinic.close_gate("confirm_appointment")
    confirming = asyncio.create_task(desk.runs.confirm(request.appointment_id))
    await eventually(lambda: "confirm_appointment" in desk.clinic.waiting)

    giving_up = asyncio.create_task(desk.runs.give_up(request.appointment_id, "mistake"))
    database.set()

    assert (await confirming).refusal is None
    try:
        refusal = (await giving_up).refusal
        assert refusal is not None
        assert refusal.code == AlreadyConfirmed.code
    except (AlreadyConfirmed, NoRun):
        pass  # it came when the visit was confirmed already, or the run over
    await desk.run_of(request).result()
    await record("given-up-too-late", desk.run_of(request))


async def test_more_time_moves_the_end_of_the_hold(desk: FrontDesk) -> None:
    request = a_request()
    held = await desk.book(request)
    await desk.pass_time(request, timedelta(minutes=9))

    extended = await desk.runs.extend(request.appointment_id, 1)
    await desk.pass_time(request, timedelta(minutes=9))
    confirmed = await desk.runs.confirm(request.appointment_id)

    assert held.appointment.extensions_left == 2
    assert (extended.appointment.version, extended.appointment.extensions_left) == (2, 1)
    assert confirmed.appointment.status is Status.CONFIRMED


async def test_the_same_extension_again_has_the_same_answer(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)

    once = await desk.runs.extend(request.appointment_id, 1)
    again = await desk.runs.extend(request.appointment_id, 1)

    assert again == once
    assert desk.clinic.calls.count("extend_hold") == 1


async def test_a_third_extension_is_refused_and_the_hold_goes_on(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    await desk.book(request)
    for version in (1, 2):
        await desk.runs.extend(request.appointment_id, version)

    with pytest.raises(ExtensionLimit):
        await desk.runs.extend(request.appointment_id, 3)

    assert (await desk.runs.confirm(request.appointment_id)).refusal is None
    await desk.run_of(request).result()
    await record("extended-to-the-limit", desk.run_of(request))


async def test_a_version_that_is_not_there_yet_uses_up_no_extension(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)
    with pytest.raises(VersionMismatch):
        await desk.runs.extend(request.appointment_id, 2)
    await desk.runs.extend(request.appointment_id, 1)

    extended = await desk.runs.extend(request.appointment_id, 2)

    assert (extended.refusal, extended.appointment.version) == (None, 3)


async def test_an_extension_that_the_database_refuses_leaves_the_hold_as_it_is(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    await desk.book(request)
    desk.clinic.refuse("extend_hold", HoldExpired())

    refused = await desk.runs.extend(request.appointment_id, 1)

    assert refused.refusal is not None
    assert refused.refusal.code == HoldExpired.code
    assert (await desk.runs.confirm(request.appointment_id)).refusal is None
    await desk.run_of(request).result()
    await record("extension-refused", desk.run_of(request))


async def test_the_timer_only_asks_and_the_database_decides_that_a_hold_is_over(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    await desk.book(request)
    desk.clinic.still_lasts_seconds = [300]  # extended, and the run does not know

    await desk.pass_time(request, TEN_MINUTES)
    await eventually(lambda: "release_slot" in desk.clinic.calls)
    confirmed = await desk.runs.confirm(request.appointment_id)

    assert confirmed.appointment.status is Status.CONFIRMED
    await desk.run_of(request).result()
    await record("timer-came-early", desk.run_of(request))


async def test_a_hold_that_finds_its_own_row_lapsed_is_expired_and_cleared_away(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    desk.clinic.rows[request.appointment_id] = an_appointment(
        appointment_id=request.appointment_id, status=Status.EXPIRED
    )

    outcome = await desk.book(request)

    assert outcome.refusal is not None
    assert outcome.refusal.code == HoldExpired.code
    assert await desk.run_of(request).result() == Result(status=Status.EXPIRED)
    assert "release_slot" in desk.clinic.calls
    await record("found-its-row-lapsed", desk.run_of(request))


async def test_a_broken_database_delays_the_hold_and_changes_nothing_else(desk: FrontDesk) -> None:
    request = a_request()
    desk.clinic.break_down("hold_slot", times=3)

    held = await desk.book(request)

    assert held.appointment.status is Status.HELD
    assert set(desk.clinic.calls) == {"hold_slot"}
    assert len(desk.clinic.calls) >= 4
    assert await desk.regular_activities(request) == ["hold_slot"]


async def test_a_hold_that_never_succeeds_is_given_up_and_undone(desk: FrontDesk) -> None:
    request = a_request(hold_seconds=30)
    desk.clinic.break_down("hold_slot", times=1000)
    booking = asyncio.create_task(desk.book(request))
    await eventually(lambda: len(desk.clinic.calls) > 3)

    await desk.pass_time(request, timedelta(seconds=40))
    outcome = await booking

    assert outcome.refusal is not None
    assert outcome.refusal.code == HoldExpired.code
    assert await desk.run_of(request).result() == Result(status=Status.EXPIRED)
    assert desk.clinic.rows[request.appointment_id].status is Status.EXPIRED


async def test_the_undo_is_repeated_until_it_is_done(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)
    desk.clinic.break_down("release_slot", times=5)

    cancelled = await desk.runs.give_up(request.appointment_id, "other")

    assert cancelled.appointment.status is Status.CANCELLED
    assert desk.clinic.calls.count("release_slot") == 6
    await desk.run_of(request).result()
    await record("release-retried", desk.run_of(request))


async def test_a_confirmation_that_the_database_refuses_releases_and_says_so(
    desk: FrontDesk,
) -> None:
    request = a_request()
    await desk.book(request)
    desk.clinic.refuse("confirm_appointment", HoldExpired())

    outcome = await desk.runs.confirm(request.appointment_id)

    assert outcome.refusal is not None
    assert outcome.refusal.code == HoldExpired.code
    assert await desk.run_of(request).result() == Result(status=Status.EXPIRED)
    assert desk.clinic.events == []


async def test_a_release_that_finds_the_visit_confirmed_lets_it_stand(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    await desk.book(request)
    desk.clinic.confirm_behind_the_back(request)

    outcome = await desk.runs.give_up(request.appointment_id, "other")

    assert outcome.refusal is not None
    assert outcome.refusal.code == AlreadyConfirmed.code
    assert await desk.run_of(request).result() == Result(status=Status.CONFIRMED)
    assert len(desk.clinic.events) == 1
    await record("release-found-it-confirmed", desk.run_of(request))


async def test_a_temporal_cancel_while_held_releases_the_slot(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)

    await desk.run_of(request).cancel()

    with pytest.raises(WorkflowFailureError) as ended:
        await desk.run_of(request).result()
    assert isinstance(ended.value.cause, CancelledError)
    row = desk.clinic.rows[request.appointment_id]
    assert (row.status, row.reason) == (Status.CANCELLED, "clinic_request")
    assert desk.clinic.events == []


async def test_a_temporal_cancel_while_holding_acts_once_the_slot_is_held(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    database = desk.clinic.close_gate("hold_slot")
    booking = asyncio.create_task(desk.book(request))
    await eventually(lambda: "hold_slot" in desk.clinic.waiting)

    await desk.run_of(request).cancel()
    database.set()

    assert (await booking).appointment.status is Status.HELD
    with pytest.raises(WorkflowFailureError):
        await desk.run_of(request).result()
    assert desk.clinic.rows[request.appointment_id].status is Status.CANCELLED
    await record("stopped-while-holding", desk.run_of(request))


async def test_a_temporal_cancel_while_confirming_comes_too_late(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    await desk.book(request)
    database = desk.clinic.close_gate("confirm_appointment")
    confirming = asyncio.create_task(desk.runs.confirm(request.appointment_id))
    await eventually(lambda: "confirm_appointment" in desk.clinic.waiting)

    await desk.run_of(request).cancel()
    database.set()

    with suppress(NoRun):  # the word was forgotten with its task, and the run is over
        assert (await confirming).appointment.status is Status.CONFIRMED
    assert await desk.run_of(request).result() == Result(status=Status.CONFIRMED)
    assert len({event.event_id for event in desk.clinic.events}) == 1, "twice under one id at most"
    await record("stopped-while-confirming", desk.run_of(request))


async def test_a_temporal_cancel_while_announcing_loses_no_event(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    await desk.book(request)
    kafka_is_back = desk.clinic.close_gate("publish_event")
    await desk.runs.confirm(request.appointment_id)

    await desk.run_of(request).cancel()
    kafka_is_back.set()

    assert await desk.run_of(request).result() == Result(status=Status.CONFIRMED)
    assert len({event.event_id for event in desk.clinic.events}) == 1, "twice under one id at most"
    await record("stopped-while-announcing", desk.run_of(request))


async def test_a_bug_stalls_the_run_and_undoes_nothing(desk: FrontDesk) -> None:
    request = a_request()
    desk.clinic.hold_lasts = float("nan")  # no timer can be made of it

    with pytest.raises(NoAnswer):
        async with asyncio.timeout(2):
            await desk.book(request)

    assert desk.clinic.calls.count("release_slot") == 0
    assert (await desk.run_of(request).describe()).status is WorkflowExecutionStatus.RUNNING
    await desk.run_of(request).terminate()


async def test_the_status_that_operations_search_for_is_corrected_at_the_end(
    desk: FrontDesk,
) -> None:
    request = a_request()
    await desk.book(request)
    while_held = await desk.status_attribute(request)

    await desk.runs.confirm(request.appointment_id)
    await desk.run_of(request).result()

    assert (while_held, await desk.status_attribute(request)) == ("held", "confirmed")


async def test_an_early_confirmation_waits_for_the_hold(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    database = desk.clinic.close_gate("hold_slot")
    booking = asyncio.create_task(desk.book(request))
    await eventually(lambda: "hold_slot" in desk.clinic.waiting)

    confirming = asyncio.create_task(desk.runs.confirm(request.appointment_id))
    await desk.accepted(request, updates=2)
    database.set()

    assert (await booking).appointment.status is Status.HELD
    assert (await confirming).appointment.status is Status.CONFIRMED
    await desk.run_of(request).result()
    await record("confirmed-before-held", desk.run_of(request))


async def test_an_early_confirmation_of_a_slot_that_is_lost_is_told_so(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    database = desk.clinic.close_gate("hold_slot")
    desk.clinic.refuse("hold_slot", SlotTaken())
    booking = asyncio.create_task(desk.book(request))
    await eventually(lambda: "hold_slot" in desk.clinic.waiting)

    confirming = asyncio.create_task(desk.runs.confirm(request.appointment_id))
    await desk.accepted(request, updates=2)
    database.set()

    for outcome in (await booking, await confirming):
        assert outcome.refusal is not None
        assert outcome.refusal.code == SlotTaken.code
    await desk.run_of(request).result()
    await record("confirmed-before-lost", desk.run_of(request))


async def test_a_run_that_starts_again_over_its_confirmed_visit_announces_it_again(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    desk.clinic.rows[request.appointment_id] = an_appointment(
        appointment_id=request.appointment_id,
        status=Status.CONFIRMED,
        version=2,
        confirmed_at=MONDAY_NINE,
    )

    outcome = await desk.book(request)

    assert outcome.appointment.status is Status.CONFIRMED
    assert await desk.run_of(request).result() == Result(status=Status.CONFIRMED)
    assert len(desk.clinic.events) == 1
    await record("begun-again", desk.run_of(request))
