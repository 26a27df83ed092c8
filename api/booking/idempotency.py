"""What a key was answered before: the same wish, the same answer."""

from dataclasses import replace

from domain.booking import MAX_EXTENSIONS, Appointment, BookingRequest, Status
from domain.errors import HoldExpired
from domain.rules import SlotWish


def is_same_wish(wish: SlotWish, appointment: Appointment | BookingRequest) -> bool:
    """Instants are compared, not the strings that named them."""
    return (wish.patient_id, wish.doctor_id, wish.starts_at) == (
        appointment.patient_id,
        appointment.doctor_id,
        appointment.starts_at,
    )


def held_at_first(row: Appointment) -> Appointment:
    """The hold as it was answered, told from its row, which has the first end of the hold.

    A row that never was a hold is the trace of a wish that came to nothing.
    """
    if row.held_until is None:
        raise HoldExpired
    return replace(
        row,
        status=Status.HELD,
        version=1,
        confirmed_at=None,
        cancelled_at=None,
        reason=None,
        extensions_left=MAX_EXTENSIONS,
    )
