"""The doctor's inbox: listed, streamed as notices come, marked as read; over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from sqlalchemy import text

from adapters.postgres import inbox as module
from adapters.postgres.notifications import Notifications
from domain.events import AppointmentEvent, EventType
from tests.clinic_rows import Clinic, at
from tests.messages import an_event

SECONDS = 30
"""For what comes at once, on whatever machine."""

EARS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'priyom-api-bell'
"""


@dataclass(frozen=True)
class Inbox:
    """One doctor's inbox, as the API tells of it, and the notifier's hand that fills it."""

    http: httpx.AsyncClient
    clinic: Clinic

    @property
    def path(self) -> str:
        return f"/doctors/{self.clinic.doctor_id}/notifications"

    async def comes(self, clock: str) -> AppointmentEvent:
        """A notice about a visit at that time of the day."""
        event = an_event(
            appointment_id=await self.clinic.book(at(clock)),
            doctor_id=self.clinic.doctor_id,
            starts_at=at(clock),
        )
        await Notifications(self.clinic.database).tell_doctor(event)
        return event

    async def listed(self, **query: object) -> list[dict[str, str | None]]:
        answer = await self.http.get(self.path, params={k: str(v) for k, v in query.items()})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, str | None]] = answer.json()["items"]
        return items

    @asynccontextmanager
    async def streamed(self, last_event_id: str | None = None) -> AsyncIterator["Stream"]:
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        async with self.http.stream("GET", f"{self.path}/stream", headers=headers) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield Stream(answer.aiter_lines())


@dataclass(frozen=True)
class Stream:
    """An open stream; each event as its fields."""

    lines: AsyncIterator[str]

    async def next(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        async with asyncio.timeout(SECONDS):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if name:
                    fields[name] = value
                elif "event" in fields:
                    return fields
                else:
                    fields = {}
        raise EOFError

    async def notice(self) -> tuple[str, str]:
        """The event's id, and the appointment that it tells of."""
        event = await self.next()
        assert event["event"] == "notice"
        return event["id"], json.loads(event["data"])["appointmentId"]


@pytest.fixture
async def inbox(api: str, clinic: Clinic) -> AsyncIterator[Inbox]:
    async with httpx.AsyncClient(base_url=api, timeout=SECONDS) as http:
        yield Inbox(http, clinic)


async def test_a_notice_is_streamed_as_it_comes(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second comes by word alone: after a silence nobody looks for an hour."""
    monkeypatch.setattr("adapters.postgres.listening.ALIVE_SECONDS", 3600)
    async with inbox.streamed() as stream:
        first = await inbox.comes("09:00")
        seen = [await stream.notice()]
        second = await inbox.comes("09:30")
        seen.append(await stream.notice())

    assert [appointment for _, appointment in seen] == [
        str(first.appointment_id),
        str(second.appointment_id),
    ]
    assert [each["appointmentId"] for each in await inbox.listed()] == [
        str(second.appointment_id),
        str(first.appointment_id),
    ]


async def test_a_reader_who_comes_back_misses_nothing(inbox: Inbox) -> None:
    async with inbox.streamed() as stream:
        await inbox.comes("09:00")
        last_seen, _ = await stream.notice()
    missed = [await inbox.comes(clock) for clock in ("09:30", "10:00")]

    async with inbox.streamed(last_seen) as stream:
        told = {(await stream.notice())[1] for _ in range(3)}

    assert {str(event.appointment_id) for event in missed} <= told


async def test_a_notice_that_was_committed_late_is_not_passed_over(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later than a statement may take here: so slow a test is no fault of the stream."""
    monkeypatch.setattr(module, "LOOK_BACK", timedelta(minutes=1))
    late = await inbox.clinic.book(at("09:00"))
    async with inbox.streamed() as stream, inbox.clinic.database.connect() as slow:
        await slow.execution_options(isolation_level="READ COMMITTED")
        await slow.execute(
            text(
                "INSERT INTO notifications (id, event_id, audience, channel, kind, status,"
                " appointment_id, doctor_id, starts_at, sequence) SELECT gen_random_uuid(),"
                " gen_random_uuid(), 'doctor', 'inbox', 'confirmed', 'sent', id, doctor_id,"
                " starts_at, 1 FROM schedules WHERE id = :id"
            ),
            {"id": late},
        )
        later = await inbox.comes("09:30")
        first = (await stream.notice())[1]
        await slow.commit()
        await inbox.comes("10:00")
        second = (await stream.notice())[1]

    assert (first, second) == (str(later.appointment_id), str(late))


async def test_another_doctors_notices_are_not_in_the_stream(inbox: Inbox) -> None:
    other = await inbox.clinic.hire()
    await inbox.clinic.on_duty(at("09:00"), at("11:00"), doctor_id=other)
    async with inbox.streamed() as stream:
        visit = await inbox.clinic.book(at("09:00"), doctor_id=other)
        theirs = an_event(appointment_id=visit, doctor_id=other)
        await Notifications(inbox.clinic.database).tell_doctor(theirs)
        ours = await inbox.comes("09:30")

        assert (await stream.notice())[1] == str(ours.appointment_id)


async def cut_off(database_url: str) -> None:
    """Every ear, as soon as there is one: a first notice may be read before anybody listens."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as operator:
        async with asyncio.timeout(SECONDS):
            while not await (await operator.execute(EARS)).fetchall():  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.05)


async def test_a_stream_goes_on_when_its_ear_was_cut_off(inbox: Inbox) -> None:
    """Whoever ends the listening connection: the inbox is looked at again before long."""
    async with inbox.streamed() as stream:
        await inbox.comes("09:00")
        await stream.notice()
        await cut_off(inbox.clinic.database.url)
        event = await inbox.comes("09:30")

        assert (await stream.notice())[1] == str(event.appointment_id)


async def test_a_notice_is_read_once_and_may_be_unread_again(inbox: Inbox) -> None:
    await inbox.comes("09:00")
    await inbox.comes("09:30")
    newest = (await inbox.listed())[0]
    path = f"{inbox.path}/{newest['notificationId']}"

    read = (await inbox.http.post(f"{path}/read")).json()
    again = (await inbox.http.post(f"{path}/read")).json()
    unread = await inbox.listed(unread="true")

    assert read["readAt"] is not None
    assert again == read
    assert [each["notificationId"] for each in unread] != [newest["notificationId"]]
    assert len(unread) == 1
    assert (await inbox.http.post(f"{path}/unread")).json() == newest
    assert len(await inbox.listed(unread="true")) == 2


async def test_a_doctors_notice_is_nobody_elses_to_read(inbox: Inbox) -> None:
    await inbox.comes("09:00")
    notice = (await inbox.listed())[0]["notificationId"]
    other = await inbox.clinic.hire()

    answers = [
        await inbox.http.post(f"/doctors/{doctor}/notifications/{notice}/read")
        for doctor in (other, uuid4())
    ]

    assert [each.json()["code"] for each in answers] == ["notice_not_found", "doctor_not_found"]
    assert (await inbox.listed())[0]["readAt"] is None


@pytest.mark.parametrize(
    ("doctor", "seen", "code"),
    [(UUID(int=1), None, "doctor_not_found"), (None, "what", "malformed")],
)
async def test_a_stream_that_cannot_be_is_refused_before_it_begins(
    inbox: Inbox, doctor: UUID | None, seen: str | None, code: str
) -> None:
    path = f"/doctors/{doctor or inbox.clinic.doctor_id}/notifications/stream"
    headers = {"Last-Event-ID": seen} if seen else {}

    assert (await inbox.http.get(path, headers=headers)).json()["code"] == code


async def test_a_superseded_notice_is_told_to_nobody(inbox: Inbox) -> None:
    async with inbox.streamed() as stream:
        cancelled = await inbox.comes("09:00")
        late = an_event(
            type=EventType.CONFIRMED,
            appointment_id=cancelled.appointment_id,
            doctor_id=inbox.clinic.doctor_id,
            sequence=1,
        )
        await stream.notice()
        await Notifications(inbox.clinic.database).tell_doctor(late)
        after = await inbox.comes("09:30")

        assert (await stream.notice())[1] == str(after.appointment_id)
