"""Reminders from the rows: each step once for the visit as it is, none for one that is dead."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messages import Messages, Told
from activities.reminders import Reminders
from adapters.messages.visit import Kind
from adapters.postgres.consents import Agreed, Consent, say_consent
from adapters.postgres.consents import Channel as ReachedBy
from adapters.postgres.notifications import Notifications, State
from adapters.postgres.receipts import Fate, Receipt, record_receipt
from adapters.postgres.reminders import due_reminders
from domain.quiet_hours import QuietHours
from domain.reminders import Reminder
from tests.clinic_rows import Clinic
from tests.integration.providers import Provider

NEVER = QuietHours(begin=time(3), end=time(3))
"""The tests run at any hour."""

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SOON = timedelta(seconds=20)


@dataclass
class Desk:
    """One clinic whose visits are reminded of."""

    clinic: Clinic
    now: datetime
    mail: Provider = field(default_factory=Provider)
    sms: Provider = field(default_factory=Provider)
    worker: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    @property
    def messages(self) -> Messages:
        return Messages(
            notifications=Notifications(self.clinic.database),
            mail=self.mail,
            sms=self.sms,
            account_url="http://x/",
            link_key=b"k" * 32,
            quiet_hours=NEVER,
        )

    async def visit(self, *, begins_in: timedelta, booked_ago: timedelta = 9 * DAY) -> UUID:
        appointment_id = await self.clinic.book(self.now + begins_in)
        await self.clinic.execute(
            "UPDATE schedules SET confirmed_at = :booked WHERE id = :id",
            id=appointment_id,
            booked=self.now - booked_ago,
        )
        return appointment_id

    async def due(self, appointment_id: UUID) -> list[Reminder]:
        async with self.clinic.database.connect() as connection:
            found = await due_reminders(connection, NEVER)
        return [each for each in found if each.appointment_id == appointment_id]

    async def steps(self, appointment_id: UUID) -> list[str]:
        return [each.step for each in await self.due(appointment_id)]

    async def tell(self, reminder: Reminder) -> Told:
        return await self.worker.run(self.messages.tell_everybody, reminder)

    async def moves(self, appointment_id: UUID, by: timedelta) -> None:
        await self.clinic.execute(
            "UPDATE schedules SET starts_at = starts_at + :by, ends_at = ends_at + :by"
            " WHERE id = :id",
            id=appointment_id,
            by=by,
        )

    async def recorded(self, appointment_id: UUID) -> list[tuple[str, str, str, str]]:
        async with self.clinic.database.connect() as connection:
            rows = await connection.execute(
                text(
                    "SELECT audience, channel, kind, status FROM notifications"
                    " WHERE appointment_id = :id ORDER BY channel"
                ),
                {"id": appointment_id},
            )
            return [(row.audience, row.channel, row.kind, row.status) for row in rows]


async def now_of(clinic: Clinic) -> datetime:
    async with clinic.database.connect() as connection:
        now: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return now


@pytest.fixture
async def desk(clinic: Clinic) -> Desk:
    now = await now_of(clinic)
    await clinic.on_duty(now - DAY, now + 9 * DAY)
    return Desk(clinic, now)


@pytest.mark.parametrize(("days", "step"), [(1, "P1D"), (3, "P3D")])
async def test_a_step_is_due_so_long_before_the_visit(desk: Desk, days: int, step: str) -> None:
    due = await desk.visit(begins_in=days * DAY - SOON)
    ahead = await desk.visit(begins_in=days * DAY + HOUR)

    assert await desk.steps(due) == [step]
    assert await desk.steps(ahead) == []


async def test_a_clinic_chooses_its_steps(desk: Desk) -> None:
    day, hours = [await desk.visit(begins_in=each - SOON) for each in (DAY, 4 * HOUR)]

    await desk.clinic.execute(
        """UPDATE clinics SET rules = '{"reminders": ["PT4H", "P2W"]}' WHERE id = :id""",
        id=desk.clinic.id,
    )
    chosen = [await desk.steps(visit) for visit in (day, hours)]
    await desk.clinic.execute(
        """UPDATE clinics SET rules = '{"reminders": []}' WHERE id = :id""", id=desk.clinic.id
    )
    none = [await desk.steps(visit) for visit in (day, hours)]

    assert chosen == [[], ["PT4H"]]
    assert none == [[], []]


async def test_what_was_due_an_hour_ago_is_found_by_the_first_look_afterwards(desk: Desk) -> None:
    late = await desk.visit(begins_in=DAY - HOUR)
    past = await desk.visit(begins_in=2 * DAY - HOUR)

    assert await desk.steps(late) == ["P1D"]
    assert await desk.steps(past) == []


async def test_who_has_just_booked_is_not_reminded(desk: Desk) -> None:
    visit = await desk.visit(begins_in=DAY - SOON, booked_ago=HOUR)

    assert await desk.steps(visit) == []


async def test_a_reminder_is_two_messages_once_and_no_notice(desk: Desk) -> None:
    visit = await desk.visit(begins_in=DAY - SOON)
    [reminder] = await desk.due(visit)

    told = [await desk.tell(reminder) for _ in range(2)]

    assert [(each.sms.state, each.email.state) for each in told] == [(State.SENT, State.SENT)] * 2
    assert await desk.recorded(visit) == [
        ("patient", "email", "reminder", "sent"),
        ("patient", "sms", "reminder", "sent"),
    ]
    assert (len(desk.sms.sent), len(desk.mail.sent)) == (1, 1)
    assert await desk.due(visit) == []


async def test_the_doctor_is_told_of_no_reminder(desk: Desk) -> None:
    [reminder] = await desk.due(await desk.visit(begins_in=DAY - SOON))

    await desk.worker.run(desk.messages.notify_doctor, reminder)

    assert await desk.recorded(reminder.appointment_id) == []


async def test_a_cancelled_visit_is_reminded_of_neither_before_nor_after_it_was_found(
    desk: Desk,
) -> None:
    visit = await desk.visit(begins_in=DAY - SOON)
    [reminder] = await desk.due(visit)

    await desk.clinic.becomes(visit, "cancelled")
    told = await desk.tell(reminder)

    assert (told.sms.state, told.email.state) == (State.SUPERSEDED, State.SUPERSEDED)
    assert await desk.due(visit) == []
    assert desk.sms.sent == []


async def test_a_visit_that_was_moved_is_reminded_of_at_its_new_time_alone(desk: Desk) -> None:
    visit = await desk.visit(begins_in=DAY - SOON)
    [before] = await desk.due(visit)

    await desk.moves(visit, 2 * DAY)
    await desk.tell(before)
    [after] = await desk.due(visit)
    told = await desk.tell(after)

    assert after.step == "P3D"
    assert after.sequence > before.sequence
    assert told.sms.state is State.SENT
    assert len(desk.sms.sent) == 1


async def test_a_visit_that_was_moved_a_little_is_reminded_of_at_the_time_it_has_now(
    desk: Desk,
) -> None:
    visit = await desk.visit(begins_in=DAY - SOON)
    [before] = await desk.due(visit)
    await desk.tell(before)

    await desk.moves(visit, SOON / 2)
    [after] = await desk.due(visit)
    told = await desk.tell(after)

    assert (before.step, after.step) == ("P1D", "P1D")
    assert after.starts_at == before.starts_at + SOON / 2
    assert told.sms.state is State.SENT


async def test_a_visit_that_was_moved_past_its_step_has_none(desk: Desk) -> None:
    visit = await desk.visit(begins_in=5 * DAY)

    await desk.moves(visit, -4 * DAY - HOUR)

    assert await desk.due(visit) == []


async def test_a_change_that_leaves_the_time_brings_no_second_reminder(desk: Desk) -> None:
    visit = await desk.visit(begins_in=DAY - SOON)
    [reminder] = await desk.due(visit)
    await desk.tell(reminder)

    await desk.clinic.execute("UPDATE schedules SET reason = 'other' WHERE id = :id", id=visit)

    assert await desk.due(visit) == []


async def test_a_reminder_that_is_overtaken_unsent_is_found_for_the_visit_as_it_is(
    desk: Desk,
) -> None:
    visit = await desk.visit(begins_in=DAY - SOON)
    [reminder] = await desk.due(visit)
    await desk.clinic.execute("UPDATE schedules SET reason = 'other' WHERE id = :id", id=visit)

    await desk.tell(reminder)
    [again] = await desk.due(visit)

    assert again.sequence == reminder.sequence + 1
    assert (await desk.tell(again)).sms.state is State.SENT


async def test_none_goes_out_after_the_visit_has_begun(desk: Desk) -> None:
    visit = await desk.visit(begins_in=DAY - SOON)
    [reminder] = await desk.due(visit)
    late = Reminder(**{**vars(reminder), "starts_at": desk.now - SOON})

    told = await desk.tell(late)

    assert (told.sms.state, told.email.state) == (State.SUPERSEDED, State.SUPERSEDED)


async def test_reminders_have_a_consent_of_their_own(desk: Desk) -> None:
    [reminder] = await desk.due(await desk.visit(begins_in=DAY - SOON))
    agreed = Agreed(kind=Kind.REMINDER, channel=ReachedBy.SMS, consent=Consent.WITHDRAWN)
    async with desk.clinic.database.connect() as connection:
        await say_consent(connection, reminder.patient_id, agreed)

    told = await desk.tell(reminder)

    assert (told.sms.state, told.email.state) == (State.DECLINED, State.SENT)


async def test_a_receipt_of_a_reminder_that_failed_gives_the_reminder_to_the_other_channel(
    desk: Desk,
) -> None:
    [reminder] = await desk.due(await desk.visit(begins_in=DAY - SOON))
    agreed = Agreed(kind=Kind.REMINDER, channel=ReachedBy.EMAIL, consent=Consent.FALLBACK)
    async with desk.clinic.database.connect() as connection:
        await say_consent(connection, reminder.patient_id, agreed)
    await desk.tell(reminder)
    [(_, key)] = desk.sms.sent

    async with desk.clinic.database.connect() as connection:
        receipt = Receipt(notification_id=key, channel=ReachedBy.SMS, fate=Fate.FAILED)
        unheard = (await record_receipt(connection, receipt)).unheard
    assert isinstance(unheard, Reminder)
    told = await desk.worker.run(desk.messages.send_email_instead, unheard)

    assert (unheard.event_id, unheard.step) == (reminder.event_id, "P1D")
    assert told.state is State.SENT


@dataclass
class Started:
    """Temporal in memory; away as often as told."""

    faults: int = 0
    runs: list[UUID] = field(default_factory=list)

    async def start(self, reminder: Reminder) -> None:
        if self.faults:
            self.faults -= 1
            raise ApplicationError("away")
        self.runs.append(reminder.event_id)


async def test_what_is_due_is_started_and_what_could_not_be_is_found_again(desk: Desk) -> None:
    visits = [await desk.visit(begins_in=DAY - SOON - n * HOUR) for n in range(3)]
    started = Started(faults=1)
    reminders = Reminders(desk.clinic.database, started.start, NEVER)

    with pytest.raises(ApplicationError):
        await desk.worker.run(reminders.start_due_reminders, 2)
    count = await desk.worker.run(reminders.start_due_reminders, 2)

    wanted = {(await desk.due(visit))[0].event_id for visit in visits}
    assert wanted <= set(started.runs)
    assert count >= 3
