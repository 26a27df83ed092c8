"""The steps of the processes: which activity, how long it may take, its label in the Temporal UI.

A step that answers a patient is tried locally first, briefly: no task queue stands between the
patient and the database. On a technical fault it goes on as a regular activity, whose retries
operations can see. A refusal ends it at once either way.
"""

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.converter import value_to_type
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.types import MethodAsyncSingleParam

from activities.appointments import Appointments
from activities.slots import Slots
from domain.attendance import Settlement
from domain.booking import (
    Appointment,
    BookingRequest,
    Cancellation,
    Confirmation,
    Extension,
    Hold,
    Move,
    Refusal,
    Release,
)
from domain.errors import REFUSALS, Refused, refused
from workflows.details import tell_step

Doer = TypeVar("Doer")
Wish = TypeVar("Wish")
Done_co = TypeVar("Done_co", covariant=True)

ONE_LOCAL_TRY = timedelta(seconds=1)
TWICE = RetryPolicy(initial_interval=timedelta(milliseconds=50), maximum_attempts=2)
UNTIL_DONE = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5)
)
ONE_TRY = timedelta(seconds=10)


async def hold_slot(request: BookingRequest) -> Hold:
    """Give up when the hold could no longer be meant: a slot held hours later helps nobody."""
    return await _locally_first(
        Slots.hold_slot,
        request,
        label="hold the slot",
        give_up_after=max(request.hold_for, timedelta(seconds=30)),
    )


async def extend_hold(extension: Extension) -> Hold:
    return await _locally_first(Slots.extend_hold, extension, label="give the patient more time")


async def confirm_appointment(request: BookingRequest) -> Confirmation:
    """The point of no return: it ends done or refused, however long it takes."""
    return await _locally_first(
        Appointments.confirm_appointment, request, label="write the visit as confirmed"
    )


async def release_slot(release: Release) -> Hold:
    return await _locally_first(Slots.release_slot, release, label="undo: give the slot back")


async def cancel_appointment(cancellation: Cancellation) -> Appointment:
    return await _locally_first(
        Appointments.cancel_appointment, cancellation, label="cancel the visit, free the slot"
    )


async def move_appointment(move: Move) -> Appointment:
    """The point of no return: the old time is kept until the new one is taken."""
    return await _locally_first(
        Appointments.move_appointment, move, label="take the new time, leave the old"
    )


async def settle_visit(settlement: Settlement) -> Appointment:
    return await _locally_first(
        Appointments.settle_visit, settlement, label=f"mark the visit: {settlement.mark}"
    )


async def _locally_first(
    do: MethodAsyncSingleParam[Doer, Wish, Done_co],
    wish: Wish,
    *,
    label: str,
    give_up_after: timedelta | None = None,
) -> Done_co:
    try:
        done = await workflow.execute_local_activity_method(
            do,
            wish,
            start_to_close_timeout=ONE_LOCAL_TRY,
            retry_policy=TWICE,
            summary=label,
        )
    except FailureError as error:
        _raise_refusal(error, label)
        tell_step(label, how="not at once, tried again")
    else:
        tell_step(label)
        return done
    try:
        done = await workflow.execute_activity_method(
            do,
            wish,
            start_to_close_timeout=ONE_TRY,
            schedule_to_close_timeout=give_up_after,
            retry_policy=UNTIL_DONE,
            summary=label,
        )
    except FailureError as error:
        _raise_refusal(error, label)
        tell_step(label, how="given up")
        raise
    tell_step(label)
    return done


def _raise_refusal(error: FailureError, label: str) -> None:
    """A failed local activity is a bare ApplicationError, a regular one is wrapped."""
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError) and cause.type in REFUSALS:
        tell_step(label, how=f"refused, `{cause.type}`")
        raise refusal_in(cause) from None


def refusal_in(error: ApplicationError) -> Refused:
    """The refusal that an activity or a validator raised as an ApplicationError."""
    return refused(value_to_type(Refusal, error.details[0]))
