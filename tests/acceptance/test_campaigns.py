"""A doctor's leave with a crowd at the door: closed at once, everybody asked, nobody forgotten."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.away import Away, away, posted
from tests.acceptance.conftest import Clinic, Slot, eventually
from tests.acceptance.watching import insisted
from tests.leaves import Leave

CLIENTS = 200
COME_WITHIN = 4.0
"""Seconds over which the clients come, while the manager closes the time."""

VISITS = 60


@pytest.mark.timeout(480)
async def test_from_the_answer_that_closed_it_no_client_of_two_hundred_gets_in(
    clinic: Clinic,
) -> None:
    """They come while the manager closes the time; one who is sooner makes the preview untrue.

    Then all give back what they have, and the manager tries again.
    """
    doctor = await away(clinic, Leave())

    crowd, manager = Crowd(clinic, doctor), None
    while manager is None or manager.status_code == 409:
        await crowd.leaves()
        digest = await doctor.preview()
        clients = [asyncio.create_task(crowd.comes()) for _ in range(CLIENTS)]
        manager = await doctor.apply(digest)
        crowd.hears(is_closed=manager.status_code == 202)
        await asyncio.gather(*clients)

    assert manager.status_code == 202, manager.text
    assert len(crowd.late) == CLIENTS
    assert {each.status_code for each in crowd.late} <= {409, 422}
    assert "not_a_slot" in {each.json()["code"] for each in crowd.late}
    assert crowd.held == {}
    assert await clinic.day(doctor.doctor_id, str(doctor.leave.first)) == []
    came_later = await clinic.rows(
        "SELECT s.id FROM schedules s JOIN exceptions e ON e.doctor_id = s.doctor_id"
        " WHERE e.doctor_id = %s AND s.created_at > e.created_at",
        doctor.doctor_id,
    )
    assert came_later == []


class Crowd:
    """Each goes on until a try that began after the manager's answer; `late` are the answers."""

    def __init__(self, clinic: Clinic, doctor: Away) -> None:
        self._clinic = clinic
        self._slots = [Slot(doctor.doctor_id, each) for each in doctor.leave.starts]
        self._answered_at: float | None = None
        self._is_closed = False
        self.held: dict[Slot, str] = {}
        self.late: list[httpx.Response] = []

    def hears(self, *, is_closed: bool) -> None:
        self._answered_at, self._is_closed = time.monotonic(), is_closed

    async def leaves(self) -> None:
        """Everybody gives up what they hold, so that the day is empty again."""
        for appointment_id in self.held.values():
            await insisted(partial(self._clinic.cancel, appointment_id))
        self.held.clear()
        self._answered_at = None

    async def comes(self) -> None:
        patient = self._clinic.patient()
        await asyncio.sleep(random.uniform(0, COME_WITHIN))
        while True:
            is_late, slot = self._answered_at is not None, random.choice(self._slots)
            if is_late and not self._is_closed:
                return
            book = partial(self._clinic.book, slot, patient=patient, key=f"key-{uuid4()}")
            answer = await insisted(book)
            if answer.status_code == 201:
                self.held[slot] = answer.json()["appointmentId"]
            if is_late:
                self.late.append(answer)
                return


@pytest.mark.timeout(480)
async def test_a_campaign_is_paused_goes_on_and_is_stopped_and_each_answer_counts(
    clinic: Clinic,
) -> None:
    doctor = await away(clinic, Leave(visits=VISITS))
    await doctor.book_out()
    digest = await doctor.preview()
    first, again = await asyncio.gather(doctor.apply(digest), doctor.apply(digest))
    campaign_id = str(first.json()["campaignId"])
    path = f"/campaigns/{campaign_id}"

    async with always_adding_up(clinic, campaign_id) as looks:
        await eventually(lambda: is_asked(doctor, campaign_id, 1), within=60)
        paused = await posted(clinic, f"{path}/pause")
        await asyncio.sleep(2)
        asked = len(await doctor.offers(campaign_id))
        await eventually(lambda: are_told(doctor, asked), within=60)
        await asyncio.sleep(2)
        meanwhile = len(await doctor.offers(campaign_id)), await doctor.told()
        await posted(clinic, f"{path}/resume")
        await eventually(lambda: is_asked(doctor, campaign_id, VISITS), within=120)

        taken, declined, late = (await doctor.offers(campaign_id))[:3]
        await clinic.confirm(taken["offer"])
        await clinic.cancel(declined["offer"])
        await eventually(lambda: is_in_round(doctor, campaign_id, declined["visit"], 2))
        await posted(clinic, f"{path}/stop")
        answered_late = await clinic.confirm(late["offer"])
        ended = (await clinic.http.get(f"/api/v1{path}")).json()

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert paused["left"] > 0
    assert meanwhile == (asked, asked)
    assert answered_late.status_code == 200
    assert (ended["state"], ended["moved"], ended["declined"]) == ("stopped", 2, 1)
    assert len(looks) > 10
    for each in (taken, late):
        moved = await clinic.get(each["visit"])
        assert moved == await clinic.get(each["offer"])
        assert datetime.fromisoformat(moved["dateTime"]) == each["starts_at"]
    stays = await clinic.get(declined["visit"])
    assert (stays["status"], stays["doctorId"]) == ("confirmed", doctor.doctor_id)
    others = {each["visit"]: each["starts_at"] for each in await doctor.offers(campaign_id)}
    assert others[declined["visit"]] != declined["starts_at"]


async def is_asked(doctor: Away, campaign_id: str, many: int) -> bool:
    return len(await doctor.offers(campaign_id)) >= many


async def is_in_round(doctor: Away, campaign_id: str, visit: str, number: int) -> bool:
    offers = await doctor.offers(campaign_id)
    return any((each["visit"], each["round"]) == (visit, number) for each in offers)


async def are_told(doctor: Away, many: int) -> bool:
    return await doctor.told() >= many


@asynccontextmanager
async def always_adding_up(clinic: Clinic, campaign_id: str) -> AsyncIterator[list[int]]:
    """At every look the parts are the whole; what is otherwise fails the test at its end."""
    looks: list[int] = []
    done = asyncio.Event()

    async def look() -> None:
        while not done.is_set():
            seen = (await clinic.http.get(f"/api/v1/campaigns/{campaign_id}")).json()
            state, total = seen.pop("state"), seen.pop("total")
            parts = {name: n for name, n in seen.items() if isinstance(n, int)}
            assert sum(parts.values()) == total == VISITS, (state, total, parts)
            looks.append(total)
            await asyncio.sleep(0.05)

    watcher = asyncio.create_task(look())
    try:
        yield looks
    finally:
        done.set()
    await watcher
