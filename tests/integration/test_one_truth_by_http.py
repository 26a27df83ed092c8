"""Whoever asks over HTTP what is free is told the same: the API, its search, and every page."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from random import Random
from typing import Any

import httpx
import pytest

from adapters.postgres.database import Database
from domain.slot import day_of
from tests.integration.test_one_truth import DAYS, SETTLED, Desk, a_town

pytestmark = pytest.mark.unmeasured

ON_A_PATIENTS_PAGE = re.compile(r'<li data-piece="([^"]+)" data-slot="[^"]+" data-state="free"')
ON_A_DOCTORS_PAGE = re.compile(
    r'<li[^>]* data-piece="([^"]+)"[^>]*>((?:(?!</li>).)*)</li>', re.DOTALL
)
AT_THE_RECEPTION = re.compile(
    r'<td data-piece="([0-9a-f-]{36})([^"]+)"[^>]*>\s*<span class="slot open"'
)
FURTHER = re.compile(r'class="button" href="(/reception\?[^"]*after=[^"]*)"')


class Asked:
    """What each way of asking says is free, from a moment on."""

    def __init__(self, http: httpx.AsyncClient, desk: Desk, soon: datetime) -> None:
        self._http = http
        self._desk = desk
        self._soon = soon

    async def by_days(self, day: date) -> list[datetime]:
        told = await self._json(f"/api/v1/doctors/{self._desk.id}/schedule?date={day}")
        return self._after(each["dateTime"] for each in told["slots"] if each["state"] == "free")

    async def by_the_patients_page(self, day: date) -> list[datetime]:
        page = await self._page(f"/book/{self._desk.id}?date={day}")
        return self._after(ON_A_PATIENTS_PAGE.findall(page))

    async def by_the_doctors_page(self, day: date) -> list[datetime]:
        page = await self._page(f"/doctor/{self._desk.id}?date={day}")
        lines = ON_A_DOCTORS_PAGE.findall(page)
        return self._after(at for at, line in lines if '<span class="soft">free</span>' in line)

    async def by_the_reception(self, day: date) -> list[datetime]:
        links = [f"/reception?clinic={self._desk.clinic.id}&date={day}"]
        found = list[str]()
        while links:
            page = await self._page(links[0])
            found += [at for who, at in AT_THE_RECEPTION.findall(page) if who == str(self._desk.id)]
            links = FURTHER.findall(page)
        return self._after(found)

    async def by_the_search(self, until: date) -> list[datetime]:
        path, found = f"/api/v1/slots?doctorId={self._desk.id}&limit=100&until={until}", list[str]()
        cursor: str | None = ""
        while cursor is not None:
            told = await self._json(f"{path}&cursor={cursor}" if cursor else path)
            found += [each["dateTime"] for each in told["items"]]
            cursor = told["next"]
        return self._after(found)

    async def next_free(self) -> datetime | None:
        told = (await self._json(f"/api/v1/doctors/{self._desk.id}"))["nextFree"]
        return None if told is None else datetime.fromisoformat(told)

    def _after(self, written: Iterator[str] | list[str]) -> list[datetime]:
        told = sorted(datetime.fromisoformat(each) for each in written)
        return [each for each in told if each > self._soon]

    async def _json(self, path: str) -> dict[str, Any]:
        answer = await self._http.get(path)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def _page(self, path: str) -> str:
        answer = await self._http.get(path, headers={"accept": "text/html"})
        assert answer.status_code == 200, path
        return unescape(answer.text)


@pytest.mark.parametrize("seed", range(200, 203))
async def test_every_page_and_every_call_agree_on_every_slot(
    seed: int, clinic_database: Database, api: str
) -> None:
    desks = await a_town(Random(seed), clinic_database)
    root = api.removesuffix("/api/v1")
    async with httpx.AsyncClient(base_url=root, timeout=60) as http:
        for desk in desks:
            soon = datetime.now(UTC) + SETTLED
            asked, told = Asked(http, desk, soon), list[datetime]()
            today = day_of(datetime.now(UTC), desk.zone)
            days = [today + timedelta(days=ahead) for ahead in range(-1, DAYS + 2)]
            for day in days:
                free = await asked.by_days(day)
                assert await asked.by_the_patients_page(day) == free
                assert await asked.by_the_doctors_page(day) == free
                assert await asked.by_the_reception(day) == free
                told += free
            assert told
            assert await asked.by_the_search(days[-1]) == told
            first = await asked.next_free()
            assert first == told[0] or (first is not None and first <= soon)
