"""An offer that was taken: whoever names it means the visit that went there."""

from functools import partial
from uuid import UUID

from adapters.postgres.appointments import Seen, see
from adapters.postgres.database import Database
from adapters.postgres.reads import read_by_cursor
from domain.booking import Appointment, Status


async def visit_that_took(database: Database, seen: Seen) -> Seen | None:
    """The visit that stands, or stood to its end, where it was offered to.

    None for what is no offer, is still open, or was declined: only a decline has a reason.
    """
    offer = seen.appointment
    is_open_or_declined = offer.status is Status.HELD or offer.reason is not None
    if seen.offered_visit is None or is_open_or_declined:
        return None
    visit = await read_by_cursor(database, partial(see, appointment_id=seen.offered_visit))
    return visit if visit is not None and was_taken(offer, visit.appointment) else None


async def id_that_answers(database: Database, named: Appointment) -> UUID:
    """That of the visit which took this offer; of all else its own."""
    if named.origin == "offer" and named.status is not Status.HELD:
        seen = await read_by_cursor(database, partial(see, appointment_id=named.appointment_id))
        visit = None if seen is None else await visit_that_took(database, seen)
        if visit is not None:
            return visit.appointment.appointment_id
    return named.appointment_id


def was_taken(offer: Appointment, visit: Appointment) -> bool:
    """Whether the visit is where it was offered to."""
    return (visit.doctor_id, visit.starts_at) == (offer.doctor_id, offer.starts_at)
