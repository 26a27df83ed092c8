"""A server that has a letter and is slow to say so: no copy of it every two minutes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest
from aiosmtplib import SMTPServerDisconnected
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.heartbeats import heartbeats
from activities.messages import Sent
from adapters.messages.delivery_errors import UNANSWERED, RefusedForGood, TryLater
from adapters.messages.mail import HANDED_OVER_AT_ONCE, SmtpMail
from adapters.messages.smtp_data import Connection, Turn
from adapters.postgres.notifications import State
from domain.events import EventType
from tests.clinic_rows import Clinic
from tests.integration.slow_mail import SlowMail, serving
from tests.integration.test_mailbox import a_letter
from tests.integration.test_messages import ALWAYS_QUIET, NEVER_QUIET, Desk

MINUTES = timedelta(minutes=1)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the server sees it
            await asyncio.sleep(0.01)


@asynccontextmanager
async def sender_to(server: SlowMail, within: float) -> AsyncIterator[SmtpMail]:
    async with serving(server):
        mail = SmtpMail(
            server.url, sender="no-reply@clinic.example", within=timedelta(seconds=within)
        )
        yield mail
        await mail.close()


@pytest.fixture
def desk(clinic: Clinic) -> Desk:
    return Desk(clinic)


async def test_a_server_that_is_slow_to_answer_the_dot_gets_at_most_two_copies(desk: Desk) -> None:
    server, event = SlowMail(seconds=2.5), await desk.visit()
    info = desk.worker.info

    async with sender_to(server, within=2.0) as mail:
        desk.mail = mail  # type: ignore[assignment] # a real one
        desk.worker.info = replace(info, is_local=True)
        first = await desk.everybody(event)
        desk.worker.info = info
        later = await desk.email(event)

    assert first.email == Sent(state=State.SENDING, code=UNANSWERED)
    assert later == Sent(state=State.SENT)
    assert len(server.letters) == 2


async def test_a_step_that_waits_for_minutes_says_that_it_lives(desk: Desk) -> None:
    beats: list[object] = []
    desk.worker.on_heartbeat = lambda *told: beats.append(told)

    async with sender_to(SlowMail(seconds=0.1), within=10.0) as mail:
        desk.mail = mail  # type: ignore[assignment] # a real one
        assert await desk.email(await desk.visit()) == Sent(state=State.SENT)

    assert beats == [()]


async def test_it_says_so_again_and_again() -> None:
    worker, beats, third = ActivityEnvironment(), count(1), asyncio.Event()
    worker.on_heartbeat = lambda: third.set() if next(beats) == 3 else None

    async def waits() -> None:
        async with heartbeats(every=timedelta(milliseconds=1)):
            await third.wait()

    await asyncio.wait_for(worker.run(waits), timeout=10)

    assert third.is_set()


async def test_letters_whose_answers_are_waited_for_keep_no_other_from_the_server() -> None:
    server = SlowMail(seconds=60)

    async with sender_to(server, within=5.0) as mail:
        waiting = [
            asyncio.create_task(
                mail.send(a_letter(), to="a@b.c", notification_id=uuid4(), patience=MINUTES)
            )
            for _ in range(HANDED_OVER_AT_ONCE)
        ]
        await until(lambda: len(server.letters) == HANDED_OVER_AT_ONCE)
        server.seconds = 0
        await mail.send(a_letter(), to="a@b.c", notification_id=uuid4())
        assert not any(each.done() for each in waiting)
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)

    assert len(server.letters) == HANDED_OVER_AT_ONCE + 1


async def test_connections_beyond_those_in_use_at_once_are_not_kept() -> None:
    server = SlowMail(seconds=0.2)

    async with sender_to(server, within=5.0) as mail:
        letters = [
            mail.send(a_letter(), to="a@b.c", notification_id=uuid4(), patience=MINUTES)
            for _ in range(2 * HANDED_OVER_AT_ONCE)
        ]
        await asyncio.gather(*letters)
        await until(lambda: server.connections <= HANDED_OVER_AT_ONCE)

    assert len(server.letters) == 2 * HANDED_OVER_AT_ONCE


async def test_a_letter_that_may_have_arrived_is_remembered_over_the_night(desk: Desk) -> None:
    visit = await desk.visit()
    await desk.moves_on(visit)
    await desk.clinic.execute(
        "UPDATE schedules SET reason = 'clinic_request' WHERE id = :id", id=visit.appointment_id
    )
    event = replace(visit, type=EventType.CANCELLED, sequence=visit.sequence + 2, event_id=uuid4())
    desk.mail.faults = [TryLater(UNANSWERED), TryLater(UNANSWERED)]
    await desk.everybody(event)

    for _ in range(2):
        desk.quiet_hours = ALWAYS_QUIET
        assert (await desk.email(event)).until is not None
    desk.quiet_hours = NEVER_QUIET

    assert await desk.email(event) == Sent(state=State.FAILED, code=UNANSWERED)


async def test_the_answer_to_a_letter_has_minutes_and_what_is_before_it_has_not() -> None:
    server = SlowMail(seconds=2.5)

    async with sender_to(server, within=2.0) as mail:
        await mail.send(a_letter(), to="a@b.c", notification_id=uuid4(), patience=MINUTES)
        server.to_data = b""
        with pytest.raises(TryLater, match=r"^smtp_away$"):
            await mail.send(a_letter(), to="a@b.c", notification_id=uuid4(), patience=MINUTES)

    assert len(server.letters) == 1


async def test_a_server_that_hangs_up_after_the_dot_is_not_given_the_letter_again_at_once() -> None:
    server = SlowMail()

    async with sender_to(server, within=10.0) as mail:
        await mail.send(a_letter(), to="a@b.c", notification_id=uuid4())
        server.answer = b""
        with pytest.raises(TryLater, match=f"^{UNANSWERED}$"):
            await mail.send(a_letter(), to="a@b.c", notification_id=uuid4())

    assert len(server.letters) == 2


@pytest.mark.parametrize("refusal", [{"answer": b"554 no"}, {"to_data": b"554 no"}])
async def test_a_refusal_of_a_whole_letter_is_a_refusal(refusal: dict[str, bytes]) -> None:
    async with sender_to(SlowMail(**refusal), within=10.0) as mail:  # type: ignore[arg-type] # bytes
        with pytest.raises(RefusedForGood, match=r"^smtp_554$"):
            await mail.send(a_letter(), to="a@b.c", notification_id=uuid4())


async def test_a_line_that_begins_with_a_dot_does_not_end_the_letter() -> None:
    async with serving(SlowMail()) as server, asyncio.timeout(10) as before:
        connection = Connection(hostname="127.0.0.1", port=server.port, start_tls=False)
        connection.turn = Turn(deadline=before, places=asyncio.Semaphore(), patience=1.0)
        async with connection:
            await connection.sendmail("a@b.c", ["d@e.f"], "a\n.\nb")

    assert server.letters == [b"a\r\n..\r\nb\r\n.\r\n"]


async def test_nothing_is_handed_over_without_a_connection() -> None:
    with pytest.raises(SMTPServerDisconnected):
        await Connection(hostname="127.0.0.1").data(b"letter")


async def test_a_letter_without_an_answer_twice_is_given_up_whatever_was_between(
    desk: Desk,
) -> None:
    event = await desk.visit()
    desk.mail.faults = [TryLater(UNANSWERED), TryLater("smtp_away"), TryLater(UNANSWERED)]

    first = await desk.everybody(event)
    with pytest.raises(ApplicationError, match="smtp_away"):
        await desk.email(event)
    last = await desk.email(event)

    assert first.email == Sent(state=State.SENDING, code=UNANSWERED)
    assert last == Sent(state=State.FAILED, code=UNANSWERED)
    assert await desk.email(event) == last
