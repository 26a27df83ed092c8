"""What the audit finds in the database and what it leaves alone; a database of its own."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from adapters.postgres import audit
from adapters.postgres.audit import Doubt
from adapters.postgres.database import Database
from adapters.postgres.forgetting import forget_messages
from domain.audit import AuditOrder
from domain.booking import Status
from domain.events import EventType, event_id
from tests.clinic_rows import at, open_clinic
from tests.integration.audit_rows import Books

ORDER = AuditOrder(settled_after_seconds=15)
JUST_NOW = timedelta(seconds=5)


@pytest.fixture
async def books(scratch: Database) -> Books:
    kept = Books(clinic=await open_clinic(scratch))
    await kept.nothing_yet()
    return kept


async def doubts(books: Books) -> list[Doubt]:
    return await audit.doubtful_events(books.clinic.database, ORDER)


# Holds past their deadline.


async def test_a_hold_past_its_deadline_is_expired_and_its_version_moves(books: Books) -> None:
    hold = await books.held("09:00", lasts=timedelta(seconds=-6))

    found = await audit.expire_lapsed_holds(books.clinic.database)
    again = await audit.expire_lapsed_holds(books.clinic.database)

    row = await books.row(hold)
    assert (row["status"], row["version"]) == ("expired", 2)
    assert found == [await books.touched(hold)]
    assert again == []


async def test_a_hold_that_lapsed_a_moment_ago_is_left_to_its_run(books: Books) -> None:
    hold = await books.held("09:00", lasts=timedelta(0))

    assert await audit.expire_lapsed_holds(books.clinic.database) == []
    assert (await books.row(hold))["status"] == "held"


# Open holds.


async def test_an_open_hold_is_looked_at_once_it_is_old_enough(books: Books) -> None:
    old = await books.held("09:00")
    await books.clinic.hold(at("09:30"))
    await books.held("10:00", lasts=timedelta(seconds=-1))

    found = await audit.open_holds(books.clinic.database, ORDER)

    assert [hold.touched for hold in found] == [await books.touched(old)]


async def test_a_hold_that_was_confirmed_meanwhile_is_not_given_back(books: Books) -> None:
    hold = await books.held("09:00")
    [seen] = await audit.open_holds(books.clinic.database, ORDER)
    await books.clinic.execute(
        "UPDATE schedules SET status = 'confirmed', version = version + 1 WHERE id = :id", id=hold
    )

    assert not await audit.give_back(books.clinic.database, seen)
    assert (await books.row(hold))["status"] == "confirmed"


async def test_a_hold_is_given_back_once(books: Books) -> None:
    hold = await books.held("09:00")
    [seen] = await audit.open_holds(books.clinic.database, ORDER)

    once, again = [await audit.give_back(books.clinic.database, seen) for _ in range(2)]

    assert (once, again) == (True, False)
    assert (await books.row(hold))["status"] == "expired"


# Events.


async def test_a_visit_whose_event_nobody_received_is_in_doubt_until_somebody_did(
    books: Books,
) -> None:
    visit = await books.confirmed("09:00")

    [doubt] = await doubts(books)
    await books.received(visit, 2)

    assert doubt.touched == await books.touched(visit)
    assert doubt.event.event_id == event_id(visit, 2, EventType.CONFIRMED)
    assert doubt.event.status is Status.CONFIRMED
    assert await doubts(books) == []


async def test_a_visit_whose_event_was_received_is_never_in_doubt(books: Books) -> None:
    await books.received(await books.confirmed("09:00"), 2)

    assert await doubts(books) == []
    assert await books.rows("SELECT FROM events_in_doubt") == []


async def test_the_notice_of_another_kind_or_version_is_no_sign(books: Books) -> None:
    visit = await books.confirmed("09:00")
    await books.received(visit, 2, kind="cancelled")
    await books.received(visit, 1)

    assert len(await doubts(books)) == 1


async def test_a_visit_that_was_confirmed_a_moment_ago_is_left_to_its_run(books: Books) -> None:
    await books.confirmed("09:00", ago=JUST_NOW)

    assert await doubts(books) == []


async def test_a_cancelled_visit_has_two_events_of_two_versions(books: Books) -> None:
    visit = await books.cancelled("09:00")

    found = {doubt.event.type: doubt.event for doubt in await doubts(books)}

    assert found[EventType.CONFIRMED].event_id == event_id(visit, 2, EventType.CONFIRMED)
    assert found[EventType.CONFIRMED].status is Status.CONFIRMED
    assert found[EventType.CANCELLED].event_id == event_id(visit, 3, EventType.CANCELLED)
    assert found[EventType.CANCELLED].time > found[EventType.CONFIRMED].time


async def test_every_move_of_a_visit_has_its_event_as_it_was_then(books: Books) -> None:
    visit = await books.confirmed("09:00")
    for clock in ("09:30", "10:00"):
        await books.moved(visit, clock)

    found = {doubt.sequence: doubt for doubt in await doubts(books)}

    stood = [found[version].event.starts_at for version in (2, 3, 4)]
    assert stood == [at("09:00"), at("09:30"), at("10:00")]
    before = [found[version].event.previous for version in (2, 3, 4)]
    assert [each and each.starts_at for each in before] == [None, at("09:00"), at("09:30")]
    assert found[3].event.event_id == event_id(visit, 3, EventType.RESCHEDULED)
    assert found[3].event.time < found[4].event.time
    assert found[4].run == f"reschedule-{visit}-3"


async def test_a_hold_that_was_given_up_or_lapsed_has_no_event(books: Books) -> None:
    for clock, status in (("09:00", "cancelled"), ("09:30", "expired")):
        hold = await books.held(clock)
        await books.clinic.becomes(hold, status)
        await books.turn_back(hold)

    assert await doubts(books) == []


async def test_a_doubt_that_is_settled_does_not_come_back_with_the_next_sweep(
    books: Books,
) -> None:
    await books.confirmed("09:00", ago=timedelta(minutes=2))
    [doubt] = await doubts(books)

    await audit.settle(books.clinic.database, doubt)

    assert await doubts(books) == []


async def test_a_doubt_stays_however_far_the_sweep_has_gone(books: Books) -> None:
    await books.confirmed("09:00", ago=timedelta(hours=23))
    await doubts(books)
    await books.clinic.execute("UPDATE audit_progress SET swept_until = clock_timestamp()")

    assert len(await doubts(books)) == 1


async def test_progress_from_a_clock_that_was_fast_hides_no_event(books: Books) -> None:
    """Nor once the time has come to which it had pretended to have got."""
    await books.clinic.execute(
        "UPDATE audit_progress SET swept_until = clock_timestamp() + interval '1 hour'"
    )
    await books.confirmed("09:00", ago=timedelta(minutes=20))

    assert len(await doubts(books)) == 1
    ahead = await books.rows(
        "SELECT FROM audit_progress WHERE sweep = 'events' AND swept_until > clock_timestamp()"
    )
    assert ahead == []


async def test_a_change_that_commits_late_is_still_seen(books: Books) -> None:
    """Its instant lies before the place to which the last sweep has come."""
    await books.received(await books.confirmed("09:00", ago=timedelta(seconds=20)), 2)
    await doubts(books)
    await books.confirmed("09:30", ago=timedelta(seconds=90))

    assert len(await doubts(books)) == 1


async def test_what_is_older_than_a_day_is_not_looked_for(books: Books) -> None:
    await books.confirmed("09:00", ago=timedelta(hours=25))

    assert await doubts(books) == []


async def test_an_old_event_whose_notice_was_forgotten_is_not_told_again(books: Books) -> None:
    """Not when its visit is marked, long after it was booked and moved."""
    visit = await books.confirmed("09:00")
    await books.moved(visit, "09:30")
    for sequence, kind in ((2, "confirmed"), (3, "rescheduled")):
        await books.received(visit, sequence, kind)
    await books.took_place(visit, ago=timedelta(days=40))
    forgotten = await forget_messages(books.clinic.database, older_than=timedelta(days=30))

    await books.clinic.becomes(visit, "completed")
    await books.turn_back(visit)

    assert forgotten == 2
    assert await doubts(books) == []


async def test_what_was_done_today_to_an_old_visit_is_looked_for(books: Books) -> None:
    visit = await books.cancelled("09:00")
    await books.row_says(visit, "confirmed_at = confirmed_at - interval '40 days'")

    [doubt] = await doubts(books)

    assert doubt.type is EventType.CANCELLED


async def test_one_that_cannot_be_settled_does_not_stand_before_the_others(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "DOUBTS_LOOKED_AT", 1)
    both = {await books.confirmed("09:00"), await books.confirmed("09:30")}

    seen = [(await doubts(books))[0].appointment.appointment_id for _ in range(4)]

    assert set(seen[:2]) == set(seen[2:]) == both


async def test_many_changes_are_swept_in_batches_and_none_is_passed_by(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "CHANGES_SWEPT", 1)
    visits = {
        await books.confirmed(clock, ago=timedelta(hours=hours))
        for clock, hours in (("09:00", 4), ("09:30", 3), ("10:00", 2), ("10:30", 1))
    }

    seen: set[UUID] = set()
    for _ in range(5):
        seen |= {doubt.appointment.appointment_id for doubt in await doubts(books)}

    assert seen == visits


async def test_two_audits_at_once_note_one_doubt(books: Books) -> None:
    await books.confirmed("09:00")

    await asyncio.gather(*(doubts(books) for _ in range(5)))

    assert len(await books.rows("SELECT FROM events_in_doubt")) == 1


async def test_a_settled_doubt_is_forgotten_after_a_while(books: Books) -> None:
    await books.confirmed("09:00")
    [doubt] = await doubts(books)
    await audit.settle(books.clinic.database, doubt)
    await books.clinic.execute(
        "UPDATE events_in_doubt SET settled_at = settled_at - interval '2 hours'"
    )
    await books.clinic.execute("UPDATE audit_progress SET swept_until = clock_timestamp()")

    await doubts(books)

    assert await books.rows("SELECT FROM events_in_doubt") == []
