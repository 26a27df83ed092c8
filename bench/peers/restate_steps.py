"""What both shapes of the Restate peer share: the steps as durable actions, and their serving."""

import asyncio
import sys
from typing import Generic, TypeVar
from uuid import UUID

import restate
import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config
from pydantic import TypeAdapter
from restate.serde import BytesSerde, Serde

from adapters.process.gc_tuning import collect_garbage_seldom
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


def serve_on_the_given_port(*services: restate.Workflow | restate.VirtualObject) -> None:
    """On hypercorn, as Restate's guide has it in production: HTTP/2, streams without a limit."""
    uvloop.run(_serve(services, int(sys.argv[1])))


async def _serve(services: tuple[restate.Workflow | restate.VirtualObject, ...], port: int) -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.h2_max_concurrent_streams = UNLIMITED
    config.keep_alive_max_requests = UNLIMITED
    config.keep_alive_timeout = UNLIMITED
    config.accesslog = None
    opened.append(await open_steps("bench-restate"))
    collect_garbage_seldom()
    never = asyncio.Event().wait  # a signal ends the process: what it was at is in its journal
    await serve(restate.app(list(services)), config, shutdown_trigger=never)
