"""Restate: one workflow a booking, as long as the product's own run.

`python -m bench.peers.restate_workflow PORT`. Keyed by the appointment's id; the patient's word is
a durable promise, waited for with a timeout; two more promises carry the answers.
"""

import asyncio
import sys
from datetime import timedelta
from typing import Generic, TypeVar
from uuid import UUID

import restate
import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config
from pydantic import TypeAdapter
from restate.serde import BytesSerde, Serde

from adapters.process.gc_tuning import collect_garbage_seldom
from bench.peers.front import written
from bench.peers.steps import Steps, open_steps
from domain.booking import Appointment, BookingRequest
from domain.errors import Refused

UNLIMITED = 2**31 - 1
Value = TypeVar("Value")


class Json(Serde[Value], Generic[Value]):
    """A frozen dataclass as JSON, by pydantic's compiled code: as the product writes it."""

    def __init__(self, kind: type[Value]) -> None:
        self._type = TypeAdapter(kind)

    def serialize(self, obj: Value | None) -> bytes:
        return b"" if obj is None else self._type.dump_json(obj)

    def deserialize(self, buf: bytes) -> Value | None:
        return self._type.validate_json(buf) if buf else None


REQUEST, APPOINTMENT, WRITTEN = Json(BookingRequest), Json(Appointment), BytesSerde()
SAVED: restate.RunOptions[Appointment] = restate.RunOptions(serde=APPOINTMENT)
opened: list[Steps] = []
"""The steps of this process: opened in its loop, before the first booking."""
HELD, AGREED, CONFIRMED = "held", "agreed", "confirmed"

booking = restate.Workflow("Booking")


async def hold(request: BookingRequest) -> Appointment:
    try:
        return await opened[0].hold(request)
    except Refused as no:
        raise restate.TerminalError(no.code, 409) from None


async def confirm(appointment_id: UUID) -> Appointment:
    try:
        return await opened[0].confirm(appointment_id)
    except Refused as no:
        raise restate.TerminalError(no.code, 410) from None


async def publish(appointment: Appointment) -> None:
    await opened[0].publish(appointment)


async def invalidate(appointment: Appointment) -> None:
    await opened[0].invalidate(appointment)


async def announce(ctx: restate.Context, confirmed: Appointment) -> None:
    """Both at once, each repeated until it is done."""
    await restate.gather(
        ctx.run_typed("publish", publish, appointment=confirmed),
        ctx.run_typed("invalidate", invalidate, appointment=confirmed),
    )


@booking.main(input_serde=REQUEST)
async def run(ctx: restate.WorkflowContext, request: BookingRequest) -> None:
    """Hold, tell it, wait for the patient, confirm, tell it, announce."""
    held_promise = ctx.promise(HELD, serde=APPOINTMENT)
    confirmed_promise = ctx.promise(CONFIRMED, serde=APPOINTMENT)
    try:
        held = await ctx.run_typed("hold", hold, SAVED, request=request)
    except restate.TerminalError as no:
        await held_promise.reject(no.message, no.status_code)
        return
    await held_promise.resolve(held)
    lapse = ctx.sleep(timedelta(seconds=request.hold_seconds))
    match await restate.select(agreed=ctx.promise(AGREED).value(), lapsed=lapse):
        case ["lapsed", _]:
            await confirmed_promise.reject("hold_expired", 410)
            return
    try:
        confirmed = await ctx.run_typed(
            "confirm", confirm, SAVED, appointment_id=held.appointment_id
        )
    except restate.TerminalError as no:
        await confirmed_promise.reject(no.message, no.status_code)
        return
    await confirmed_promise.resolve(confirmed)
    await announce(ctx, confirmed)


@booking.handler("held", output_serde=WRITTEN)
async def when_held(ctx: restate.WorkflowSharedContext) -> bytes:
    return written(await ctx.promise(HELD, serde=APPOINTMENT).value())


@booking.handler("confirm", output_serde=WRITTEN)
async def agree(ctx: restate.WorkflowSharedContext) -> bytes:
    """The patient's word; the answer is the confirmed visit."""
    await ctx.promise(AGREED).resolve(value=True)
    return written(await ctx.promise(CONFIRMED, serde=APPOINTMENT).value())


async def _serve(port: int) -> None:
    """On hypercorn, as Restate's guide has it in production: HTTP/2, streams without a limit."""
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.h2_max_concurrent_streams = UNLIMITED
    config.keep_alive_max_requests = UNLIMITED
    config.keep_alive_timeout = UNLIMITED
    config.accesslog = None
    opened.append(await open_steps("bench-restate"))
    collect_garbage_seldom()
    never = asyncio.Event().wait  # a signal ends the process: what it was at is in its journal
    await serve(restate.app([booking]), config, shutdown_trigger=never)


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
