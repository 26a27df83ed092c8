"""One patient's front end: every call has a deadline and is recorded with its answer."""

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from bench.http import Connection
from tests.faults.rig.history import Booking, Call, History, Kind, Slot

CLIENT_PATIENCE = 12.0
"""A front end's deadline, seconds; the product's own is 5 s."""

# Errors of a connection that was cut, refused or left in the middle of an answer.
BROKEN = (OSError, TimeoutError, EOFError, ValueError, IndexError)


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    path: str
    body: Mapping[str, object] | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often a front end repeats a call with an unknown outcome, and the pause, seconds."""

    tries: int = 75
    pause: float = 0.8


SOON = Patience()
"""The product's Retry-After is 2 s; this is scaled to the short holds of the cases."""

AS_TOLD = Patience(tries=5, pause=2.5)


class FrontEnd:
    """A client with one connection."""

    numbers = count(1)

    def __init__(self, api: str, history: History, patience: Patience = SOON) -> None:
        self._patience = patience
        self.number = next(self.numbers)
        self._history = history
        self._connection = Connection(api)

    async def close(self) -> None:
        await self._connection.close()

    async def ask(self, kind: Kind, booking: Booking, *, version: int = 0) -> Call:
        """Read the slot's day. `state` is the slot's state, or `absent` if it is not listed."""
        if kind is Kind.HOLD:
            self._history.began(booking)
        begun = time.time()
        status, told = await self._answer(request_of(kind, booking, version))
        if kind is Kind.DAY and status == 200:
            told = {"state": _state(told, booking.slot)}
        call = Call(
            number=len(self._history.calls),
            client=self.number,
            kind=kind,
            booking=booking,
            begun=begun,
            ended=time.time(),
            status=status,
            body=told,
            version=version or None,
        )
        self._history.add(call)
        return call

    async def insist(
        self,
        kind: Kind,
        booking: Booking,
        *,
        version: int = 0,
        unless: asyncio.Event | None = None,
    ) -> Call:
        """Repeat with the same key while the outcome is unknown, as a real front end does."""
        stopping = unless or asyncio.Event()
        for _ in range(self._patience.tries):
            call = await self.ask(kind, booking, version=version)
            if not call.is_unknown:
                break
            if await stopped_within(stopping, random.uniform(0.5, 1) * self._patience.pause):
                break
        return call

    async def _answer(self, request: Request) -> tuple[int | None, Mapping[str, Any]]:
        try:
            async with asyncio.timeout(CLIENT_PATIENCE):
                answer = await self._connection.request(
                    request.method, request.path, request.body, request.headers
                )
        except BROKEN as fault:
            await self.close()
            return None, {"fault": type(fault).__name__}
        except asyncio.CancelledError:
            await self.close()
            raise
        return answer.status, answer.body or {}


def request_of(kind: Kind, booking: Booking, version: int) -> Request:
    own = f"/api/v1/appointments/{booking.appointment_id}"
    match kind:
        case Kind.HOLD:
            headers = {"idempotency-key": booking.key}
            return Request(
                method="POST", path="/api/v1/appointments", body=booking.body, headers=headers
            )
        case Kind.READ:
            return Request(method="GET", path=own)
        case Kind.DAY:
            slot = booking.slot
            path = f"/api/v1/doctors/{slot.doctor_id}/schedule?date={slot.date}"
            return Request(method="GET", path=path)
        case Kind.EXTEND:
            return Request(method="POST", path=f"{own}/extend", body={"version": version})
        case Kind.MOVE:
            body = {
                "doctorId": booking.slot.doctor_id,
                "dateTime": booking.slot.starts_at,
                "version": version,
            }
            return Request(method="POST", path=f"{own}/reschedule", body=body)
        case _:
            return Request(method="POST", path=f"{own}/{kind.value}", body={})


def _state(day: Mapping[str, Any], slot: Slot) -> str:
    for seen in day.get("slots", ()):
        if seen["dateTime"] == slot.starts_at:
            return str(seen["state"])
    return "absent"


async def stopped_within(stopping: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
    return stopping.is_set()
