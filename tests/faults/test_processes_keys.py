"""The same call twice at once, and a key that is used again, on the loaded stack."""

import asyncio
from dataclasses import replace

from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Booking, Call, Kind


async def test_two_confirms_at_once(rig: Rig) -> None:
    title = "two confirms of one appointment at once: the same answer, one event"
    async with rig.case(27, title) as case, case.load(3):
        for _ in range(8):
            booking = case.booking()
            assert (await case.insist(Kind.HOLD, booking)).status == 201
            one, other = await both(case, Kind.CONFIRM, booking, booking)
            case.injected("pairs of confirms")
            assert (one.status, one.body) == (200, other.body)


async def test_a_key_used_again(rig: Rig) -> None:
    title = "a key in flight, finished, and with another body"
    async with rig.case(29, title) as case, case.load(3):
        for _ in range(4):
            booking = case.booking()
            one, other = await both(case, Kind.HOLD, booking, booking)
            case.injected("pairs of posts under one key")
            assert (one.status, one.body) == (201, other.body)

            again = await case.insist(Kind.HOLD, booking)
            case.injected("key replayed")
            assert (again.status, again.body) == (201, one.body)

            with_another_slot = replace(booking, slot=case.rig.supply.slot())
            reused = await case.insist_quietly(Kind.HOLD, with_another_slot)
            case.injected("key with another body")
            assert (reused.status, reused.code) == (422, "idempotency_key_reused")
            await case.insist(Kind.CONFIRM, booking)


async def both(case: Case, kind: Kind, one: Booking, other: Booking) -> tuple[Call, Call]:
    return await asyncio.gather(case.insist(kind, one), case.insist(kind, other))
