"""A doctor's stream ends after a while, whoever reads it; who comes back is judged again."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from adapters.postgres import inbox as module
from api.http.streams import Streams
from tests.clinic_rows import Clinic
from tests.fakes.issuer import FakeIssuer
from tests.integration.conftest import serving_changed
from tests.integration.test_inbox import Inbox


@pytest.fixture
async def inbox(clinic: Clinic, cache_url: str) -> AsyncIterator[Inbox]:
    """Of an API whose streams end soon."""
    soon = Streams(judged_for_seconds=0.2)
    async with (
        serving_changed(clinic.database, cache_url, lambda kept: kept, soon) as url,
        httpx.AsyncClient(base_url=url, timeout=20) as http,
    ):
        yield Inbox(http, clinic)


@pytest.fixture
async def lasting_inbox(api: str, clinic: Clinic) -> AsyncIterator[Inbox]:
    """The same one, of an API whose streams go on: a busy database has its time for a notice."""
    async with httpx.AsyncClient(base_url=api, timeout=20) as http:
        yield Inbox(http, clinic)


async def last_seen(inbox: Inbox, seen: str | None = None) -> str:
    """The id that a browser comes back with: the last that a stream has told until its end."""
    told: list[str] = []
    async with inbox.streamed(seen) as stream:
        async for line in stream.lines:
            name, _, value = line.partition(": ")
            told += [value] if name == "id" else []
    return told[-1]


async def test_a_notice_between_the_end_and_the_return_is_not_lost(
    inbox: Inbox, lasting_inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the reader was away, and though he had been sent no notice before."""
    monkeypatch.setattr(module, "LOOK_BACK", timedelta())
    first = await last_seen(inbox)
    second = await last_seen(inbox, first)
    missed = await inbox.comes("09:00")

    async with lasting_inbox.streamed(second) as stream:
        seen, appointment = await stream.notice()
    third = await last_seen(inbox, seen)
    later = await inbox.comes("09:30")

    assert (second, third) == (first, seen)
    assert appointment == str(missed.appointment_id)
    async with lasting_inbox.streamed(third) as stream:
        told = [(await stream.notice())[1] for _ in range(2)]
    assert told == [str(missed.appointment_id), str(later.appointment_id)]


async def test_a_stream_ends_with_the_token_and_its_reader_is_told_to_sign_in(
    signed_in_api: str, issuer: FakeIssuer, clinic: Clinic
) -> None:
    """A token is believed for a second longer, as clocks differ."""
    token = issuer.token(
        sub=f"olga-{uuid4()}",
        roles=["reception"],
        clinic_ids=[str(clinic.id)],
        exp=int(time.time()) + 5,
    )
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=signed_in_api, timeout=20, headers=headers) as http:
        inbox = Inbox(http, clinic)
        seen = {"last-event-id": await last_seen(inbox)}
        async with asyncio.timeout(20):
            again = await http.get(f"{inbox.path}/stream", headers=seen)
            while again.status_code == httpx.codes.OK:
                assert "notice" not in again.text
                again = await http.get(f"{inbox.path}/stream", headers=seen)

    assert (again.status_code, again.json()["code"]) == (401, "unauthenticated")
