"""Restate: one virtual object a booking, a short call for each step of the patient.

`python -m bench.peers.restate_object PORT`. Keyed by the appointment's id; a call sent with a delay
ends a hold that was not confirmed. The cheapest shape that Restate has for this; unlike a run, it
does not show a booking as one story.
"""

from datetime import timedelta

import restate

from bench.peers import restate_steps as steps
from bench.peers.front import written
from bench.peers.restate_steps import APPOINTMENT, REQUEST, SAVED, WRITTEN, serve_on_the_given_port
from domain.booking import Appointment, BookingRequest, Status

KNOWN = "appointment"

booking = restate.VirtualObject("Booking")
announcements = restate.Service("Announcements")


@booking.handler("hold", input_serde=REQUEST, output_serde=WRITTEN)
async def hold(ctx: restate.ObjectContext, request: BookingRequest) -> bytes:
    held = await ctx.run_typed("hold", steps.hold, SAVED, request=request)
    ctx.set(KNOWN, held, serde=APPOINTMENT)
    ctx.object_send(lapse, ctx.key(), None, send_delay=timedelta(seconds=request.hold_seconds))
    return written(held)


@booking.handler("confirm", output_serde=WRITTEN)
async def confirm(ctx: restate.ObjectContext) -> bytes:
    known = await ctx.get(KNOWN, serde=APPOINTMENT)
    if known is None:
        raise restate.TerminalError("hold_expired", 410)
    if known.status is Status.CONFIRMED:
        return written(known)
    confirmed = await ctx.run_typed(
        "confirm", steps.confirm, SAVED, appointment_id=known.appointment_id
    )
    ctx.set(KNOWN, confirmed, serde=APPOINTMENT)
    ctx.service_send(announce, confirmed)
    return written(confirmed)


@booking.handler("lapse")
async def lapse(ctx: restate.ObjectContext) -> None:
    known = await ctx.get(KNOWN, serde=APPOINTMENT)
    if known is not None and known.status is Status.HELD:
        ctx.clear(KNOWN)


@announcements.handler("announce", input_serde=APPOINTMENT)
async def announce(ctx: restate.Context, confirmed: Appointment) -> None:
    await steps.announce(ctx, confirmed)


if __name__ == "__main__":
    serve_on_the_given_port(booking, announcements)
