"""Receipts over HTTP: the first word counts, a forged one does not; the other channel stands in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from sqlalchemy import text
from temporalio.client import Client

from adapters.messages.visit import Kind
from adapters.postgres.consents import Agreed, Channel, Consent, say_consent
from adapters.postgres.notifications import Attempt, Notifications, Outcome, State
from adapters.postgres.notifications import Channel as By
from adapters.temporal.client import TemporalConnection
from api.http.signatures import signature
from api.receipts import Receipts
from domain.events import AppointmentEvent
from tests.clinic_rows import Clinic, at
from tests.integration.conftest import RECEIPTS_KEY
from tests.messages import an_event


@dataclass
class Counter:
    """Where a provider says what became of the messages of one visit."""

    http: httpx.AsyncClient
    clinic: Clinic
    event: AppointmentEvent

    async def sent(self, by: By) -> UUID:
        """A message that its provider took."""
        notifications = Notifications(self.clinic.database)
        (attempt,) = await notifications.begin(self.event, [by])
        await notifications.record([a_sent(attempt)])
        return attempt.notification_id

    async def says(self, provider: str, **said: str) -> httpx.Response:
        body = orjson.dumps(said)
        signed = signature(RECEIPTS_KEY, provider, body, at=datetime.now(UTC))
        return await self.http.post(
            f"/receipts/{provider}",
            content=body,
            headers={"Priyom-Signature": signed, "Content-Type": "application/json"},
        )

    async def recorded(self, notification_id: UUID) -> tuple[str, str | None, bool]:
        async with self.clinic.database.connect() as connection:
            row = (
                await connection.execute(
                    text("SELECT status, error, delivered_at FROM notifications WHERE id = :id"),
                    {"id": notification_id},
                )
            ).one()
        return row.status, row.error, row.delivered_at is not None


def a_sent(attempt: Attempt) -> Outcome:
    return Outcome(attempt=attempt, state=State.SENT, provider_id="provider-1")


@pytest.fixture
async def counter(api: str, clinic: Clinic) -> AsyncIterator[Counter]:
    appointment_id = await clinic.book(at("09:00"))
    async with clinic.database.connect() as connection:
        found = await connection.execute(
            text("SELECT patient_id, doctor_id, version FROM schedules WHERE id = :id"),
            {"id": appointment_id},
        )
        row = found.one()
    event = an_event(
        appointment_id=appointment_id,
        patient_id=row.patient_id,
        doctor_id=row.doctor_id,
        sequence=row.version,
    )
    async with httpx.AsyncClient(base_url=api, timeout=20) as http:
        yield Counter(http, clinic, event)


async def test_the_first_word_is_the_last(counter: Counter) -> None:
    key = await counter.sent(By.SMS)

    first = await counter.says("sms", key=str(key), status="delivered")
    late = await counter.says("sms", key=str(key), status="failed", code="absent_subscriber")

    assert first.json() == late.json() == {"key": str(key), "status": "delivered"}
    assert await counter.recorded(key) == ("delivered", None, True)


async def test_a_letter_is_known_by_its_message_id(counter: Counter) -> None:
    key = await counter.sent(By.EMAIL)

    answer = await counter.says(
        "email", key=f"<{key}@priyom.example>", status="failed", code="5.1.1"
    )

    assert answer.json()["status"] == "failed"
    assert await counter.recorded(key) == ("failed", "5.1.1", False)


async def test_a_receipt_that_is_here_before_our_record_ends_the_attempts(counter: Counter) -> None:
    notifications = Notifications(counter.clinic.database)
    (attempt,) = await notifications.begin(counter.event, [By.SMS])

    await counter.says("sms", key=str(attempt.notification_id), status="delivered")
    await notifications.record([a_sent(attempt)])

    assert (await counter.recorded(attempt.notification_id))[0] == "delivered"
    (again,) = await notifications.begin(counter.event, [By.SMS])
    assert again.state == "delivered"


async def test_a_forged_receipt_changes_nothing(counter: Counter) -> None:
    key = await counter.sent(By.SMS)
    body = orjson.dumps({"key": str(key), "status": "failed"})
    forged = signature(b"x" * 32, "sms", body, at=datetime.now(UTC))

    answers = [
        await counter.http.post(
            "/receipts/sms", content=body, headers={"Content-Type": "application/json", **header}
        )
        for header in ({"Priyom-Signature": forged}, {})
    ]

    assert [answer.json()["code"] for answer in answers] == ["malformed", "malformed"]
    assert (await counter.recorded(key))[0] == "sent"


@pytest.mark.parametrize(
    ("provider", "key", "code"),
    [
        ("sms", str(uuid4()), "message_not_found"),
        ("sms", "x" * 36, "malformed"),
        ("pigeon", str(uuid4()), "malformed"),
    ],
)
async def test_what_is_not_known_is_refused(
    counter: Counter, provider: str, key: str, code: str
) -> None:
    answer = await counter.says(provider, key=key, status="delivered")

    assert answer.json()["code"] == code


async def test_a_message_of_another_channel_is_not_known(counter: Counter) -> None:
    key = await counter.sent(By.SMS)

    assert (await counter.says("email", key=str(key), status="failed")).status_code == 404
    assert (await counter.recorded(key))[0] == "sent"


async def test_the_channel_that_was_kept_stands_in_once_temporal_is_there(counter: Counter) -> None:
    """Without Temporal the provider is told to come again; nothing is lost by it."""
    kept = Agreed(kind=Kind.CONFIRMED, channel=Channel.EMAIL, consent=Consent.FALLBACK)
    async with counter.clinic.database.connect() as connection:
        await say_consent(connection, counter.event.patient_id, kept)
    await Notifications(counter.clinic.database).begin(counter.event, [By.EMAIL])
    key = await counter.sent(By.SMS)

    answers = [await counter.says("sms", key=str(key), status="failed") for _ in range(2)]

    assert [answer.json()["code"] for answer in answers] == ["unavailable", "unavailable"]
    assert (await counter.recorded(key))[0] == "failed"


async def test_the_other_channel_is_started_once_however_often_it_is_said(
    counter: Counter, stand_ins: Client
) -> None:
    desk = Receipts(TemporalConnection(stand_ins), RECEIPTS_KEY)

    for _ in range(2):
        await desk.deliver_instead(counter.event, failed=Channel.SMS)

    run = await stand_ins.get_workflow_handle(f"instead-{counter.event.event_id}").describe()
    assert run.workflow_type == "DeliverInstead"
