"""Restate: one workflow a booking, as long as the product's own run.

`python -m bench.peers.restate_workflow PORT`. Keyed by the appointment's id; the patient's word is
a durable promise, waited for with a timeout; two more promises carry the answers.
"""

from datetime import timedelta

import restate

from bench.peers.front import written
from bench.peers.restate_steps import (
    APPOINTMENT,
    REQUEST,
    SAVED,
    WRITTEN,
    announce,
    confirm,
    hold,
    serve_on_the_given_port,
)
from domain.booking import BookingRequest

HELD, AGREED, CONFIRMED = "held", "agreed", "confirmed"

booking = restate.Workflow("Booking")


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


if __name__ == "__main__":
    serve_on_the_given_port(booking)
