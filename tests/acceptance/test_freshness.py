"""After a confirmed answer the very next look at the day shows the slot booked, everywhere."""

import asyncio
import os
from dataclasses import replace

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

    elsewhere = replace(clinic, http=second_api)

    async def book_and_look() -> None:
        while not slots.empty():
            slot = slots.get_nowait()
            await clinic.state_of(slot)  # the cache is warm
            appointment = await clinic.hold(slot)
            assert (await clinic.confirm(appointment)).status_code == 200
            seen = {await clinic.state_of(slot), await elsewhere.state_of(slot)}
            if seen != {"booked"}:
                stale.append(slot)

    await asyncio.gather(*(book_and_look() for _ in range(4)))

    assert stale == []
