"""How front ends resolve unknown outcomes after the healing."""

import asyncio
from collections.abc import Callable

from tests.faults.rig.front_end import FrontEnd
from tests.faults.rig.history import READS, Booking, Call, History, Kind

RESOLVED_AT_ONCE = 6


async def resolve(history: History, front_end: Callable[[], FrontEnd]) -> None:
    """Repeat the call with the same key, and read the appointment.

    A front end cancels what it no longer needs, because that is quicker than a lapse.
    """
    unknown = {call.booking.appointment_id for call in history.calls if _is_open(call)}
    left = [history.bookings[id_] for id_ in unknown]
    await asyncio.gather(
        *(_resolve_each(left, history, front_end()) for _ in range(RESOLVED_AT_ONCE))
    )


async def _resolve_each(left: list[Booking], history: History, front_end: FrontEnd) -> None:
    while left:
        booking = left.pop()
        holds = [call for call in history.of(booking) if call.kind is Kind.HOLD]
        if all(call.is_unknown for call in holds):
            await front_end.ask(Kind.HOLD, booking)
        seen = await front_end.ask(Kind.READ, booking)
        if seen.body.get("status") == "held":
            await front_end.ask(Kind.CANCEL, booking)
    await front_end.close()


def _is_open(call: Call) -> bool:
    return call.is_unknown and call.kind not in READS
