"""A server that has a letter and is slow to say so: no copy of it every two minutes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from aiosmtplib import SMTPServerDisconnected
from temporalio.exceptions import ApplicationError

from activities.messages import Sent
from adapters.messages.delivery_errors import UNANSWERED, RefusedForGood, TryLater
from adapters.messages.mail import SmtpMail
from adapters.messages.smtp_data import Connection
from adapters.postgres.notifications import State
from tests.clinic_rows import Clinic
from tests.integration.slow_mail import SlowMail, serving
from tests.integration.test_mailbox import a_letter
from tests.integration.test_messages import Desk

MINUTES = timedelta(minutes=1)


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
    server, event = SlowMail(seconds=1.5), await desk.visit()
    info = desk.worker.info

    async with sender_to(server, within=1.0) as mail:
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


async def test_the_answer_to_a_letter_has_minutes_and_what_is_before_it_has_not() -> None:
    server = SlowMail(seconds=1.5)

    async with sender_to(server, within=1.0) as mail:
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
        connection.before, connection.patience = before, 1.0
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
