"""The mailbox as a mail server and an SMS gateway, and our senders against it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from adapters.messages.delivery_errors import RefusedForGood, TryLater
from adapters.messages.mail import SmtpMail
from adapters.messages.rendering import Letter, letter
from adapters.messages.sms import SmsGateway
from stack.home import CHECKOUT
from stack.ports import Ports
from tests.messages import a_visit

NOBODY_LISTENS = "127.0.0.1:1"
SECONDS = 60
"""For what comes at once, on whatever machine."""


@dataclass
class Mailbox:
    """A mailbox in a process of its own."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient
    smtp_url: str
    sms_url: str

    async def messages(self, **asked: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.http.get("/messages", params=asked)).json()
        return found

    async def refuse(self, channel: str, status: int, **more: int) -> None:
        fault = {"channel": channel, "status": status, **more}
        assert (await self.http.post("/faults", json=fault)).status_code == 200


@pytest.fixture(scope="module")
async def running_mailbox() -> AsyncIterator[Mailbox]:
    ports = Ports()
    smtp, http = ports.take(), ports.take()
    arguments = ("--smtp-port", str(smtp), "--http-port", str(http))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stack.mailbox", *arguments), cwd=CHECKOUT
    )
    base = f"http://127.0.0.1:{http}"
    async with httpx.AsyncClient(base_url=base, timeout=SECONDS) as client:
        await _until_it_answers(client)
        yield Mailbox(process, client, f"smtp://127.0.0.1:{smtp}", f"{base}/sms")
    process.terminate()
    await process.wait()
    ports.release()


@pytest.fixture
async def mailbox(running_mailbox: Mailbox) -> Mailbox:
    await running_mailbox.http.delete("/messages")
    await running_mailbox.refuse("sms", 503, times=0)
    await running_mailbox.refuse("email", 451, times=0)
    return running_mailbox


@pytest.fixture
async def mail(mailbox: Mailbox) -> AsyncIterator[SmtpMail]:
    sender = SmtpMail(mailbox.smtp_url, sender="no-reply@clinic.example")
    yield sender
    await sender.close()


async def test_a_mail_server_that_was_away_gets_the_letter_when_it_is_back(
    mailbox: Mailbox, mail: SmtpMail
) -> None:
    await mail.send(a_letter(), to="a@example.org", notification_id=uuid4())
    away = {"channel": "email", "awaySeconds": 3600}
    assert (await mailbox.http.post("/faults", json=away)).status_code == 200

    late = uuid4()
    with pytest.raises(TryLater, match="smtp_away"):
        await mail.send(a_letter(), to="b@example.org", notification_id=late)
    await mailbox.http.post("/faults", json={**away, "awaySeconds": 0})
    async with asyncio.timeout(SECONDS):
        while not await mailbox.messages(to="b@example.org"):
            with suppress(TryLater):
                await mail.send(a_letter(), to="b@example.org", notification_id=late)

    (message,) = await mailbox.messages(to="b@example.org")
    assert message["deliveries"] == 1


async def test_only_the_mail_server_can_leave(mailbox: Mailbox) -> None:
    answer = await mailbox.http.post("/faults", json={"channel": "sms", "awaySeconds": 1})

    assert answer.status_code == 400


@pytest.fixture
async def sms(mailbox: Mailbox) -> AsyncIterator[SmsGateway]:
    gateway = SmsGateway(mailbox.sms_url)
    yield gateway
    await gateway.close()


async def _until_it_answers(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                await client.get("/healthz")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


def a_letter() -> Letter:
    return letter(a_visit(), account_url="http://x/", sender="no-reply@clinic.example")


async def test_a_letter_arrives_whole(mailbox: Mailbox, mail: SmtpMail) -> None:
    sent, notification_id = a_letter(), uuid4()

    key = await mail.send(sent, to="petr@example.org", notification_id=notification_id)

    (got,) = await mailbox.messages(to="petr@example.org", channel="email")
    assert got["subject"] == "Вы записаны на приём: вторник, 24 ноября 2026, 10:30"
    assert got["text"].splitlines() == sent.text.splitlines()
    assert got["html"].splitlines() == sent.html.splitlines()
    assert got["key"] == key == f"<{notification_id}@clinic.example>"
    assert got["deliveries"] == 1
    assert got["headers"]["From"] == "no-reply@clinic.example"
    (invitation,) = got["attachments"]
    assert invitation["filename"] == "visit.ics"
    assert 'method="REQUEST"' in invitation["contentType"]
    assert invitation["text"].splitlines() == sent.calendar.splitlines()


async def test_the_same_letter_twice_is_one_entry(mailbox: Mailbox, mail: SmtpMail) -> None:
    notification_id = uuid4()
    for _ in range(2):
        await mail.send(a_letter(), to="petr@example.org", notification_id=notification_id)

    assert [got["deliveries"] for got in await mailbox.messages()] == [2]


async def test_many_letters_at_once_all_arrive(mailbox: Mailbox, mail: SmtpMail) -> None:
    await asyncio.gather(
        *(
            mail.send(a_letter(), to=f"p{number}@example.org", notification_id=uuid4())
            for number in range(40)
        )
    )

    assert {got["to"] for got in await mailbox.messages()} == {
        f"p{number}@example.org" for number in range(40)
    }


async def test_an_address_that_is_refused_for_good(mailbox: Mailbox, mail: SmtpMail) -> None:
    await mailbox.refuse("email", 550)

    with pytest.raises(RefusedForGood, match=r"^smtp_550$"):
        await mail.send(a_letter(), to="nobody@example.org", notification_id=uuid4())

    await mail.send(a_letter(), to="petr@example.org", notification_id=uuid4())
    assert len(await mailbox.messages()) == 1


async def test_a_server_that_is_busy_is_for_later(mailbox: Mailbox, mail: SmtpMail) -> None:
    await mailbox.refuse("email", 451, times=1)

    with pytest.raises(TryLater, match=r"^smtp_451$"):
        await mail.send(a_letter(), to="petr@example.org", notification_id=uuid4())


@pytest.mark.parametrize("to", ["", "petr", "a@b\r\nBcc: c@d", "a b@c", "a@b, c@d", "<a@b>"])
async def test_what_is_no_address_is_refused_for_good(mail: SmtpMail, to: str) -> None:
    with pytest.raises(RefusedForGood, match=r"^bad_address$"):
        await mail.send(a_letter(), to=to, notification_id=uuid4())


async def test_an_address_in_cyrillic_is_served(mailbox: Mailbox, mail: SmtpMail) -> None:
    await mail.send(a_letter(), to="пётр@пример.example", notification_id=uuid4())

    assert [got["to"] for got in await mailbox.messages()] == ["пётр@xn--e1afmkfd.example"]


async def test_a_mail_server_that_is_away_is_for_later() -> None:
    mail = SmtpMail(f"smtp://{NOBODY_LISTENS}", sender="no-reply@clinic.example")

    with pytest.raises(TryLater, match=r"^smtp_away$") as caught:
        await mail.send(a_letter(), to="petr@example.org", notification_id=uuid4())

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_a_text_message_arrives_once_a_key(mailbox: Mailbox, sms: SmsGateway) -> None:
    notification_id = uuid4()
    for _ in range(2):
        await sms.send("Вы записаны", to="+79001234567", notification_id=notification_id)

    (got,) = await mailbox.messages(to="+79001234567", channel="sms")
    assert got["text"] == "Вы записаны"
    assert got["key"] == str(notification_id)
    assert got["deliveries"] == 2
    plus_unescaped = await mailbox.http.get("/messages?to=+79001234567")
    assert len(plus_unescaped.json()) == 1


async def test_a_busy_gateway_says_when_to_come_back(mailbox: Mailbox, sms: SmsGateway) -> None:
    await mailbox.refuse("sms", 429, times=1, retryAfter=7)

    with pytest.raises(TryLater, match=r"^sms_429$") as caught:
        await sms.send("text", to="+7", notification_id=uuid4())

    assert caught.value.after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("status", "kind"), [(422, RefusedForGood), (400, RefusedForGood), (503, TryLater)]
)
async def test_a_gateways_refusals(
    mailbox: Mailbox, sms: SmsGateway, status: int, kind: type[Exception]
) -> None:
    await mailbox.refuse("sms", status)

    with pytest.raises(kind, match=f"^sms_{status}$"):
        await sms.send("text", to="+7", notification_id=uuid4())


async def test_a_gateway_that_is_away_is_for_later() -> None:
    gateway = SmsGateway(f"http://{NOBODY_LISTENS}/sms")

    with pytest.raises(TryLater, match=r"^sms_away$"):
        await gateway.send("text", to="+7", notification_id=uuid4())

    await gateway.close()


async def test_a_person_can_look(mailbox: Mailbox) -> None:
    page = await mailbox.http.get("/")

    assert page.headers["content-type"].startswith("text/html")
    assert "<title>Mailbox" in page.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"channel": "fax", "status": 503}',
        b'{"channel": "sms", "status": 200}',
        b'{"channel": "sms", "status": 503, "times": -1}',
    ],
)
async def test_a_fault_that_cannot_be_played_is_a_bad_request(
    mailbox: Mailbox, body: bytes
) -> None:
    assert (await mailbox.http.post("/faults", content=body)).status_code == 400
