"""Messages and their record in PostgreSQL: once an event and channel, never out of date."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import RowMapping, text
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messages import GIVE_UP_AFTER, Messages, Sent, Told
from adapters.messages.delivery_errors import RefusedForGood, TryLater
from adapters.messages.visit import Kind
from adapters.postgres.consents import Agreed, Consent, say_consent
from adapters.postgres.consents import Channel as ReachedBy
from adapters.postgres.notifications import Notifications, State
from domain.actors import Role
from domain.booking import Placement
from domain.events import AppointmentEvent, EventType
from domain.quiet_hours import QuietHours
from tests.clinic_rows import Clinic, at
from tests.integration.providers import Provider
from tests.messages import an_event

ALWAYS_QUIET = QuietHours(begin=time(0), end=time(23, 59, 59, 999_999))
NEVER_QUIET = QuietHours(begin=time(0), end=time(0))


@dataclass
class Desk:
    """One clinic's messages. Tests run at night as well: it delays them where one says so."""

    clinic: Clinic
    mail: Provider = field(default_factory=Provider)
    sms: Provider = field(default_factory=Provider)
    quiet_hours: QuietHours = NEVER_QUIET
    worker: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    @property
    def messages(self) -> Messages:
        return Messages(
            notifications=Notifications(self.clinic.database),
            mail=self.mail,
            sms=self.sms,
            account_url="http://x/",
            link_key=b"k" * 32,
            quiet_hours=self.quiet_hours,
        )

    async def email(self, event: AppointmentEvent) -> Sent:
        return await self.worker.run(self.messages.send_email, event)

    async def everybody(self, event: AppointmentEvent) -> Told:
        return await self.worker.run(self.messages.tell_everybody, event)

    async def visit(self, clock: str = "09:00", **changes: object) -> AppointmentEvent:
        appointment_id = await self.clinic.book(at(clock))
        rows = await self.rows("SELECT * FROM schedules WHERE id = :id", id=appointment_id)
        row = rows[0]
        event = an_event(
            appointment_id=appointment_id,
            patient_id=row["patient_id"],
            doctor_id=row["doctor_id"],
            clinic_id=row["clinic_id"],
            sequence=row["version"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
        )
        return replace(event, **changes)  # type: ignore[arg-type] # the caller names a field

    async def agrees(
        self, event: AppointmentEvent, kind: Kind, channel: ReachedBy, consent: Consent
    ) -> None:
        agreed = Agreed(kind=kind, channel=channel, consent=consent)
        async with self.clinic.database.connect() as connection:
            await say_consent(connection, event.patient_id, agreed)

    async def moves_on(self, event: AppointmentEvent) -> None:
        await self.clinic.execute(
            "UPDATE schedules SET status = 'cancelled', version = version + 1 WHERE id = :id",
            id=event.appointment_id,
        )

    async def rows(self, statement: str, **values: object) -> list[RowMapping]:
        async with self.clinic.database.connect() as connection:
            return list((await connection.execute(text(statement), values)).mappings())

    async def all_recorded(self, event: AppointmentEvent) -> list[RowMapping]:
        return await self.rows(
            "SELECT * FROM notifications WHERE event_id = :id", id=event.event_id
        )

    async def states(self, event: AppointmentEvent) -> dict[str, str]:
        return {row["channel"]: row["status"] for row in await self.all_recorded(event)}

    async def recorded(self, event: AppointmentEvent) -> RowMapping:
        (row,) = await self.all_recorded(event)
        return row


@pytest.fixture
def desk(clinic: Clinic) -> Desk:
    return Desk(clinic)


async def test_a_letter_is_recorded_when_it_is_sent(desk: Desk) -> None:
    event = await desk.visit()

    told = await desk.email(event)

    row = await desk.recorded(event)
    assert told == Sent(state=State.SENT)
    assert desk.mail.sent == [("a@b.c", row["id"])]
    assert (row["status"], row["audience"], row["channel"], row["kind"], row["attempts"]) == (
        *("sent", "patient", "email", "confirmed"),
        1,
    )
    assert row["provider_message_id"] == "provider-1"
    assert row["sent_at"] is not None


async def test_a_recorded_letter_is_not_sent_again(desk: Desk) -> None:
    event = await desk.visit()
    await desk.email(event)

    assert await desk.email(event) == Sent(state=State.SENT)
    assert len(desk.mail.sent) == 1


async def test_a_busy_provider_is_asked_again_with_the_same_key(desk: Desk) -> None:
    event = await desk.visit()
    desk.mail.faults = [TryLater("smtp_451", timedelta(seconds=7))]

    with pytest.raises(ApplicationError) as caught:
        await desk.email(event)
    waiting = await desk.recorded(event)
    await desk.email(event)

    assert (caught.value.type, caught.value.non_retryable) == ("smtp_451", False)
    assert caught.value.next_retry_delay == timedelta(seconds=7)
    assert (waiting["status"], waiting["error"]) == ("sending", "smtp_451")
    row = await desk.recorded(event)
    assert (row["status"], row["attempts"], row["error"]) == ("sent", 2, None)


async def test_a_gateway_that_asks_for_time_in_the_first_try_is_heard(desk: Desk) -> None:
    event = await desk.visit()
    desk.sms.faults = [TryLater("sms_429", timedelta(seconds=7))]

    told = await desk.everybody(event)

    assert told.sms == Sent(state=State.SENDING, code="sms_429", after_seconds=7)
    assert told.email == Sent(state=State.SENT)


async def test_a_refusal_for_good_is_recorded_and_never_tried_again(desk: Desk) -> None:
    event = await desk.visit()
    desk.mail.faults = [RefusedForGood("smtp_550")]

    assert await desk.email(event) == Sent(state=State.FAILED, code="smtp_550")
    assert await desk.email(event) == Sent(state=State.FAILED, code="smtp_550")
    assert desk.mail.sent == []


async def test_a_provider_that_is_away_for_a_day_is_given_up(desk: Desk) -> None:
    event = await desk.visit()
    desk.mail.faults = [TryLater("smtp_away")]
    info = desk.worker.info
    late = info.scheduled_time + GIVE_UP_AFTER + timedelta(seconds=1)
    desk.worker.info = replace(info, current_attempt_scheduled_time=late)

    assert await desk.email(event) == Sent(state=State.FAILED, code="smtp_away")


@pytest.mark.parametrize("odd", ["\udc80", None])
async def test_a_letter_that_cannot_be_written_ends_as_failed_at_the_third_attempt(
    desk: Desk, odd: str
) -> None:
    event = await desk.visit()
    desk.mail.sender = odd

    for attempt in (1, 2):
        desk.worker.info = replace(desk.worker.info, attempt=attempt)
        with pytest.raises(ApplicationError):
            await desk.email(event)
    desk.worker.info = replace(desk.worker.info, attempt=3)

    assert await desk.email(event) == Sent(state=State.FAILED, code="cannot_be_written")
    assert desk.mail.sent == []


async def test_a_confirmation_of_a_visit_that_was_cancelled_is_dropped(desk: Desk) -> None:
    event = await desk.visit()
    await desk.moves_on(event)

    assert await desk.email(event) == Sent(state=State.SUPERSEDED)
    assert desk.mail.sent == []
    assert (await desk.recorded(event))["status"] == "superseded"


async def test_a_retry_notices_that_the_visit_was_cancelled_meanwhile(desk: Desk) -> None:
    event = await desk.visit()
    desk.mail.faults = [TryLater("smtp_451")]
    with pytest.raises(ApplicationError):
        await desk.email(event)
    await desk.moves_on(event)

    assert (await desk.email(event)).state is State.SUPERSEDED


async def test_a_cancellation_is_told(desk: Desk) -> None:
    confirmed = await desk.visit()
    await desk.moves_on(confirmed)
    cancelled = an_event(
        type=EventType.CANCELLED,
        appointment_id=confirmed.appointment_id,
        patient_id=confirmed.patient_id,
        doctor_id=confirmed.doctor_id,
        sequence=confirmed.sequence + 1,
    )

    assert (await desk.email(cancelled)).state is State.SENT
    assert (await desk.recorded(cancelled))["kind"] == "cancelled"


async def test_the_doctor_is_told_of_both_once(desk: Desk) -> None:
    confirmed = await desk.visit()
    await desk.moves_on(confirmed)
    for _ in range(2):
        told = await desk.worker.run(desk.messages.notify_doctor, confirmed)

    row = await desk.recorded(confirmed)
    assert told == Sent(state=State.SENT)
    assert (row["audience"], row["channel"], row["status"]) == ("doctor", "inbox", "sent")
    assert row["starts_at"] == confirmed.starts_at


async def test_both_doctors_are_told_of_a_move_from_one_to_the_other(desk: Desk) -> None:
    confirmed = await desk.visit()
    moved = an_event(
        type=EventType.RESCHEDULED,
        appointment_id=confirmed.appointment_id,
        patient_id=confirmed.patient_id,
        doctor_id=confirmed.doctor_id,
        sequence=confirmed.sequence,
        previous=Placement(
            doctor_id=uuid4(),
            clinic_id=confirmed.clinic_id,
            starts_at=confirmed.starts_at - timedelta(days=1),
            ends_at=confirmed.ends_at - timedelta(days=1),
        ),
    )

    for _ in range(2):
        await desk.worker.run(desk.messages.notify_doctor, moved)

    assert moved.previous is not None
    notices = await desk.all_recorded(moved)
    assert {(each["doctor_id"], each["starts_at"]) for each in notices} == {
        (moved.doctor_id, moved.starts_at),
        (moved.previous.doctor_id, moved.previous.starts_at),
    }
    assert len(notices) == 2


async def test_an_event_of_no_appointment_of_ours_ends_at_once(desk: Desk) -> None:
    unknown = Sent(state=State.FAILED, code="visit_unknown")

    assert await desk.email(an_event()) == unknown
    assert await desk.worker.run(desk.messages.notify_doctor, an_event()) == unknown


async def test_a_fault_names_nobody(desk: Desk) -> None:
    event = await desk.visit()
    desk.sms.faults = [ValueError("cannot send to +79001234567")]

    with pytest.raises(ApplicationError) as caught:
        await desk.worker.run(desk.messages.send_sms, event)

    assert caught.value.type == "ValueError"
    assert "+7900" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_a_withdrawn_consent_is_heeded_by_kind_and_channel(desk: Desk) -> None:
    event = await desk.visit()
    await desk.agrees(event, Kind.CONFIRMED, ReachedBy.EMAIL, Consent.WITHDRAWN)
    await desk.agrees(event, Kind.CANCELLED, ReachedBy.SMS, Consent.WITHDRAWN)

    assert (await desk.email(event)).state is State.DECLINED
    assert (await desk.worker.run(desk.messages.send_sms, event)).state is State.SENT
    assert (len(desk.mail.sent), len(desk.sms.sent)) == (0, 1)


async def test_a_consent_that_is_withdrawn_between_two_attempts_counts(desk: Desk) -> None:
    event = await desk.visit()
    desk.mail.faults = [TryLater("smtp_451")]
    with pytest.raises(ApplicationError):
        await desk.email(event)
    await desk.agrees(event, Kind.CONFIRMED, ReachedBy.EMAIL, Consent.WITHDRAWN)

    assert (await desk.email(event)).state is State.DECLINED


async def test_what_is_kept_in_reserve_is_sent_once_for_the_other_channel(desk: Desk) -> None:
    event = await desk.visit()
    await desk.agrees(event, Kind.CONFIRMED, ReachedBy.EMAIL, Consent.FALLBACK)

    kept = await desk.email(event)
    before = await desk.recorded(event)
    desk.mail.faults = [TryLater("smtp_451")]
    with pytest.raises(ApplicationError):
        await desk.worker.run(desk.messages.send_email_instead, event)
    told = [await desk.worker.run(desk.messages.send_email_instead, event) for _ in range(2)]
    late = await desk.email(event)

    row = await desk.recorded(event)
    assert (kept.state, before["status"], before["attempts"]) == (State.RESERVED, "reserved", 0)
    assert [each.state for each in told] == [State.SENT, State.SENT]
    assert late.state is State.SENT
    assert (row["status"], row["attempts"], row["instead_of"]) == ("sent", 2, "sms")
    assert len(desk.mail.sent) == 1


@pytest.mark.parametrize(
    ("sms", "told"),
    [
        (Consent.GIVEN, State.RESERVED),
        (Consent.FALLBACK, State.SENT),
        (Consent.WITHDRAWN, State.SENT),
    ],
)
async def test_a_channel_waits_for_the_other_only_where_the_other_may_speak_first(
    desk: Desk, sms: Consent, told: State
) -> None:
    event = await desk.visit()
    await desk.agrees(event, Kind.CONFIRMED, ReachedBy.EMAIL, Consent.FALLBACK)
    await desk.agrees(event, Kind.CONFIRMED, ReachedBy.SMS, sms)
    await desk.agrees(event, Kind.CANCELLED, ReachedBy.SMS, Consent.WITHDRAWN)

    assert (await desk.email(event)).state is told


async def test_a_withdrawn_consent_is_heeded_for_a_fail_over_too(desk: Desk) -> None:
    event = await desk.visit()
    await desk.agrees(event, Kind.CONFIRMED, ReachedBy.SMS, Consent.WITHDRAWN)

    assert (await desk.worker.run(desk.messages.send_sms_instead, event)).state is State.DECLINED


async def test_a_message_that_is_sent_already_is_not_sent_instead(desk: Desk) -> None:
    event = await desk.visit()
    await desk.email(event)

    assert (await desk.worker.run(desk.messages.send_email_instead, event)).state is State.SENT
    assert len(desk.mail.sent) == 1
    assert (await desk.recorded(event))["instead_of"] is None


async def test_what_the_patient_did_is_told_at_night_as_well(desk: Desk) -> None:
    desk.quiet_hours = ALWAYS_QUIET

    assert (await desk.email(await desk.visit())).state is State.SENT


async def test_what_the_clinic_did_waits_for_the_patients_morning(desk: Desk) -> None:
    desk.quiet_hours = ALWAYS_QUIET
    confirmed = await desk.visit()
    await desk.moves_on(confirmed)
    await desk.clinic.execute(
        "UPDATE schedules SET reason = 'clinic_request' WHERE id = :id", id=confirmed.appointment_id
    )
    await desk.clinic.execute(
        "UPDATE patients SET time_zone = 'Asia/Tokyo' WHERE id = :id", id=confirmed.patient_id
    )
    cancelled = replace(
        confirmed, type=EventType.CANCELLED, sequence=confirmed.sequence + 2, event_id=uuid4()
    )

    waits = await desk.email(cancelled)
    row = await desk.recorded(cancelled)
    desk.quiet_hours = NEVER_QUIET

    assert waits.state is State.SENDING
    assert waits.until is not None
    assert waits.until.astimezone(ZoneInfo("Asia/Tokyo")).time() == ALWAYS_QUIET.end
    assert (row["status"], row["attempts"], row["error"]) == ("sending", 0, "quiet_hours")
    assert desk.mail.sent == []
    assert (await desk.email(cancelled)).state is State.SENT


@pytest.mark.parametrize("type_", EventType)
@pytest.mark.parametrize(
    ("role", "state"),
    [
        (Role.PATIENT, State.SENT),
        (None, State.SENT),
        (Role.RECEPTION, State.SENDING),
        (Role.OPERATOR, State.SENDING),
        (Role.SYSTEM, State.SENDING),
    ],
)
async def test_what_somebody_else_did_for_the_patient_waits_for_the_morning(
    desk: Desk, type_: EventType, role: Role | None, state: State
) -> None:
    desk.quiet_hours = ALWAYS_QUIET
    event = await desk.visit()
    if type_ is not EventType.CONFIRMED:
        await desk.moves_on(event)
        event = replace(event, type=type_, sequence=event.sequence + 2, event_id=uuid4())

    assert (await desk.email(replace(event, actor_role=role))).state is state


async def test_an_offer_is_told_by_night_where_its_visit_begins_in_the_morning(desk: Desk) -> None:
    """The offered time may be days ahead: it is the visit that leaves no time to wait."""
    desk.quiet_hours = ALWAYS_QUIET
    event = await desk.visit()
    offered = replace(
        event,
        type=EventType.OFFERED,
        event_id=uuid4(),
        actor_role=Role.SYSTEM,
        previous=Placement(
            doctor_id=event.doctor_id,
            clinic_id=event.clinic_id,
            starts_at=at("09:00", date(2020, 1, 14)),
            ends_at=at("09:30", date(2020, 1, 14)),
        ),
    )

    assert (await desk.email(offered)).state is State.SENT


async def test_what_has_expired_is_told_to_nobody(desk: Desk) -> None:
    event = replace(await desk.visit(), expires_at=at("09:00", date(2020, 1, 14)))

    assert (await desk.email(event)).state is State.SUPERSEDED


async def test_a_visit_of_years_ago_is_told_to_nobody(desk: Desk) -> None:
    event = await desk.visit()
    await desk.clinic.execute(
        "UPDATE schedules SET starts_at = starts_at - interval '9 years', status = 'completed',"
        " ends_at = ends_at - interval '9 years' WHERE id = :id",
        id=event.appointment_id,
    )

    assert (await desk.email(event)).state is State.SUPERSEDED


async def test_all_three_are_told_with_one_reading_of_the_visit(desk: Desk) -> None:
    event = await desk.visit()

    told = await desk.everybody(event)

    rows = await desk.all_recorded(event)
    sent = Sent(state=State.SENT)
    assert told == Told(doctor=sent, sms=sent, email=sent)
    assert {row["channel"]: row["status"] for row in rows} == {
        "inbox": "sent",
        "sms": "sent",
        "email": "sent",
    }
    assert {row["channel"]: row["provider_message_id"] for row in rows} == {
        "inbox": None,
        "sms": "provider-1",
        "email": "provider-1",
    }


async def test_what_was_told_together_is_not_told_again(desk: Desk) -> None:
    event = await desk.visit()
    await desk.everybody(event)

    assert await desk.everybody(event) == await desk.everybody(event)
    assert (await desk.email(event)).state is State.SENT
    assert (len(desk.mail.sent), len(desk.sms.sent)) == (1, 1)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (TryLater("smtp_451"), Sent(state=State.SENDING, code="smtp_451")),
        (RefusedForGood("smtp_550"), Sent(state=State.FAILED, code="smtp_550")),
        (KeyError("somebody's name"), Sent(state=State.SENDING, code="KeyError")),
    ],
)
async def test_a_letter_that_is_not_taken_costs_nobody_the_text_message(
    desk: Desk, fault: Exception, told: Sent
) -> None:
    event = await desk.visit()
    desk.mail.faults = [fault]

    answer = await desk.everybody(event)

    assert (answer.doctor.state, answer.sms.state) == (State.SENT, State.SENT)
    assert answer.email == told
    rows = {row["channel"]: row for row in await desk.all_recorded(event)}
    assert (rows["email"]["status"], rows["email"]["error"]) == (told.state, told.code)


async def test_a_text_message_is_recorded_while_the_mail_server_hangs(desk: Desk) -> None:
    event = await desk.visit()
    desk.mail.hangs = asyncio.Event()

    telling = asyncio.create_task(desk.everybody(event))
    async with asyncio.timeout(60):
        while (await desk.states(event)).get("sms") != "sent":  # noqa: ASYNC110 - it is in a row
            await asyncio.sleep(0.02)
    before = await desk.states(event)
    desk.mail.hangs.set()
    await telling

    assert before["email"] == "sending"
    assert (await desk.states(event))["email"] == "sent"


async def test_each_channel_has_its_own_consent_and_hours_when_all_are_told_together(
    desk: Desk,
) -> None:
    event = await desk.visit()
    await desk.agrees(event, Kind.CONFIRMED, ReachedBy.SMS, Consent.WITHDRAWN)
    await desk.agrees(event, Kind.CONFIRMED, ReachedBy.EMAIL, Consent.FALLBACK)

    told = await desk.everybody(event)

    assert (told.sms.state, told.email.state) == (State.DECLINED, State.SENT)
    assert (len(desk.mail.sent), desk.sms.sent) == (1, [])


async def test_a_visit_that_is_not_known_is_told_to_nobody(desk: Desk) -> None:
    unknown = Sent(state=State.FAILED, code="visit_unknown")

    assert await desk.everybody(an_event()) == Told(doctor=unknown, sms=unknown, email=unknown)
