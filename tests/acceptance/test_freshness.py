"""After a confirmed answer the very next look at the day shows the slot booked, everywhere."""

import asyncio
import os

import httpx

from tests.acceptance.conftest import Clinic, Slot

ROUNDS = int(os.environ.get("FRESHNESS_ROUNDS", "100"))


async def test_the_next_look_after_a_confirmation_shows_the_slot_booked(
    clinic: Clinic, second_api: httpx.AsyncClient
) -> None:
    slots = asyncio.Queue[Slot]()
    for slot in await clinic.free_slots(ROUNDS):
        slots.put_nowait(slot)
    stale: list[Slot] = []

    async def book_and_look() -> None:
        while not slots.empty():
            slot = slots.get_nowait()
            date = slot.starts_at[:10]
            await clinic.day(slot.doctor_id, date)  # the cache is warm
            appointment = await clinic.hold(slot)
            assert (await clinic.confirm(appointment)).status_code == 200
            for http in (clinic.http, second_api):
                day = await http.get(
                    f"/api/v1/doctors/{slot.doctor_id}/schedule", params={"date": date}
                )
                seen = {each["dateTime"]: each["state"] for each in day.json()["slots"]}
                if seen[slot.starts_at] != "booked":
                    stale.append(slot)

    await asyncio.gather(*(book_and_look() for _ in range(4)))

    assert stale == []
