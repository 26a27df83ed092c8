"""The audit's checks on a real database, beside real runs; Kafka's place is taken by a list."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowHandle

import activities.audit
import adapters.postgres.audit
from domain.booking import Result
from domain.events import EventType, booking_workflow_id, event_id
from tests.clinic_rows import at
from tests.integration.audit_office import NOBODY_WORKS_HERE, ORDER, Office, StandIn

# Holds.


async def test_only_holds_without_a_living_run_are_released(office: Office) -> None:
    alive, terminated, unknown, over = [
        await office.books.held(clock) for clock in ("09:00", "09:30", "10:00", "10:30")
    ]
    await office.begin(alive, "waits")
    await (await office.begin(terminated, "waits")).terminate()
    await (await office.begin(over, "ends")).result()

    holds = await office.audit.release_orphaned_holds(ORDER)

    released = {each.appointment_id for each in holds.given_back}
    assert (holds.looked_at, released) == (4, {terminated, unknown, over})
    assert (await office.books.row(alive))["status"] == "held"
    assert (await office.books.row(terminated))["status"] == "expired"
    assert office.gauge("orphaned_holds") == 3


async def test_many_open_holds_are_looked_up_by_the_hundred(office: Office) -> None:
    clinic, monday = office.books.clinic, at("09:00") + timedelta(days=1)
    await clinic.on_duty(monday, monday + timedelta(days=5))
    appointments = [await clinic.hold(monday + n * timedelta(minutes=30)) for n in range(130)]
    for each in appointments:
        await office.books.turn_back(each)
    for each in appointments[:125]:
        await office.begin(each, "waits")

    holds = await office.audit.release_orphaned_holds(ORDER)

    released = {each.appointment_id for each in holds.given_back}
    assert (holds.looked_at, released) == (130, set(appointments[125:]))


async def test_a_lapsed_hold_is_expired_and_counted(office: Office) -> None:
    await office.books.held("09:00", lasts=timedelta(seconds=-10))

    once = await office.audit.expire_lapsed_holds()
    assert office.gauge("lapsed_holds") == 1
    again = await office.audit.expire_lapsed_holds()

    assert (len(once.given_back), len(again.given_back)) == (1, 0)
    assert office.gauge("lapsed_holds") == 0


@pytest.mark.parametrize(("seconds", "expired"), [(60, 4), (0, 2)])
async def test_holds_that_lapse_together_are_expired_together_while_there_is_time(
    seconds: int, expired: int, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters.postgres.audit, "HOLDS_EXPIRED", 2)
    monkeypatch.setattr(activities.audit, "EXPIRES_FOR_SECONDS", seconds)
    clocks = ("09:00", "09:30", "10:00", "10:30")
    held = [await office.books.held(each, lasts=timedelta(seconds=-10)) for each in clocks]

    holds = await office.audit.expire_lapsed_holds()

    assert (holds.looked_at, len(holds.given_back)) == (expired, 2)
    rows = [(await office.books.row(each))["status"] for each in held]
    assert rows.count("expired") == office.gauge("lapsed_holds") == expired


# Events.


@pytest.mark.parametrize("end", ["terminated", "never known"])
async def test_the_event_of_a_run_that_is_gone_is_published_once_with_its_own_id(
    office: Office, end: str
) -> None:
    visit = await office.books.confirmed("09:00")
    if end == "terminated":
        await (await office.begin(visit, "waits")).terminate()

    events = await office.audit.announce_missing_events(ORDER)
    again = await office.audit.announce_missing_events(ORDER)

    assert [each.event_id for each in office.kafka.events] == [
        event_id(visit, 2, EventType.CONFIRMED)
    ]
    assert [each.appointment_id for each in events.published] == [visit]
    assert again.in_doubt == 0


async def test_both_events_of_a_visit_that_was_cancelled_are_published_in_their_order(
    office: Office,
) -> None:
    visit = await office.books.cancelled("09:00")

    await office.audit.announce_missing_events(ORDER)

    assert [each.event_id for each in office.kafka.events] == [
        event_id(visit, 2, EventType.CONFIRMED),
        event_id(visit, 3, EventType.CANCELLED),
    ]


async def test_a_run_that_is_announcing_is_left_alone(office: Office) -> None:
    visit = await office.books.confirmed("09:00")
    run = await office.begin(visit, "announces")
    await until_it_has_an_activity(run)

    events = await office.audit.announce_missing_events(ORDER)
    again = await office.audit.announce_missing_events(ORDER)

    assert (events.under_way, again.under_way) == (1, 1)
    assert office.kafka.events == []
    assert office.gauge("events_under_way") == 1
    assert office.gauge("unannounced_events") == 0


async def test_a_run_that_completed_has_announced_though_nobody_received_it_yet(
    office: Office,
) -> None:
    visit = await office.books.cancelled("09:00")
    await (await office.begin(visit, "ends")).result()
    await (await office.begin(visit, "ends as cancelled", cancels=True)).result()

    events = await office.audit.announce_missing_events(ORDER)
    again = await office.audit.announce_missing_events(ORDER)

    assert (events.announced, again.in_doubt) == (2, 0)
    assert office.kafka.events == []


async def test_a_visit_that_was_cancelled_before_its_booking_knew_of_it_is_announced(
    office: Office,
) -> None:
    """Its confirmation died with Temporal; its run ended by the row, when the hold lapsed."""
    visit = await office.books.cancelled("09:00")
    await (await office.begin(visit, "ends as cancelled")).result()
    await (await office.begin(visit, "ends as cancelled", cancels=True)).result()

    found = await office.audit.announce_missing_events(ORDER)

    assert [each.event_id for each in office.kafka.events] == [
        event_id(visit, 2, EventType.CONFIRMED)
    ]
    assert found.announced == 1
    again = await office.audit.announce_missing_events(ORDER)
    assert (again.in_doubt, len(office.kafka.events)) == (0, 1)


async def test_a_run_that_still_waits_is_told_that_its_patient_has_agreed(office: Office) -> None:
    visit = await office.books.confirmed("09:00")
    run = await office.begin(visit, "waits")

    events = await office.audit.announce_missing_events(ORDER)
    async with asyncio.timeout(60):
        await run.result()
    afterwards = await office.audit.announce_missing_events(ORDER)

    assert [each.appointment_id for each in events.reminded] == [visit]
    assert office.kafka.events == []
    assert (afterwards.announced, office.gauge("unannounced_events")) == (1, 0)


async def test_a_cancellation_never_waits_for_a_word(office: Office) -> None:
    visit = await office.books.cancelled("09:00")
    await office.books.received(visit, 2)
    await office.begin(visit, "waits", cancels=True)

    events = await office.audit.announce_missing_events(ORDER)

    assert (events.under_way, events.reminded, events.published) == (1, [], [])


async def test_a_run_that_no_worker_takes_holds_nobody_up(office: Office) -> None:
    stuck, gone = await office.books.confirmed("09:00"), await office.books.confirmed("09:30")
    run = await office.client.start_workflow(
        StandIn.run, "waits", id=booking_workflow_id(stuck), task_queue=NOBODY_WORKS_HERE
    )

    async with asyncio.timeout(60):
        events = await office.audit.announce_missing_events(ORDER)
    await run.terminate()

    assert [each.appointment_id for each in events.published] == [gone]
    assert [each.appointment_id for each in events.reminded] == [stuck]


async def test_a_run_that_was_reset_counts_as_its_last(office: Office) -> None:
    """Ended by force once, and running again under the same id."""
    visit = await office.books.confirmed("09:00")
    await (await office.begin(visit, "waits")).terminate()
    await (await office.begin(visit, "ends")).result()

    events = await office.audit.announce_missing_events(ORDER)

    assert events.announced == 1
    assert office.kafka.events == []


async def test_without_kafka_the_event_is_left_to_the_next_audit(office: Office) -> None:
    for clock in ("09:00", "09:30"):
        await office.books.confirmed(clock)
    office.kafka.is_away = True

    postponed = await office.audit.announce_missing_events(ORDER)
    alarm = office.gauge("unannounced_events")
    office.kafka.is_away = False
    published = await office.audit.announce_missing_events(ORDER)

    assert (postponed.postponed, alarm, len(published.published)) == (2, 2, 2)


async def until_it_has_an_activity(run: WorkflowHandle[StandIn, Result]) -> None:
    async with asyncio.timeout(60):
        while not (await run.describe()).raw_description.pending_activities:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.02)
