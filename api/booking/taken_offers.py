"""An offer that was taken: whoever names it means the visit that went there."""

from functools import partial
from uuid import UUID

from adapters.postgres.appointments import Seen, see
from adapters.postgres.database import Database
from adapters.postgres.reads import read_by_cursor
from adapters.postgres.taken_offers import visit_that_went
from domain.booking import Appointment, Status


async def visit_that_took(database: Database, offer: Appointment) -> Seen | None:
    """The visit that went where it was offered to, wherever it is by now.

    None for what is no offer, is still open, or was declined: only a decline has a reason.
    """
    is_open_or_declined = offer.status is Status.HELD or offer.reason is not None
    if offer.origin != "offer" or is_open_or_declined:
        return None
    went = partial(visit_that_went, offer_id=offer.appointment_id)
    visit_id = await read_by_cursor(database, went)
    if visit_id is None:
        return None
    return await read_by_cursor(database, partial(see, appointment_id=visit_id))


async def see_what_answers(database: Database, appointment_id: UUID) -> Seen | None:
    """The appointment of that id; of an offer that was taken the visit."""
    seen = await read_by_cursor(database, partial(see, appointment_id=appointment_id))
    if seen is None:
        return None
    return await visit_that_took(database, seen.appointment) or seen


async def id_that_answers(database: Database, named: Appointment) -> UUID:
    """That of the visit which took this offer; of all else its own."""
    visit = await visit_that_took(database, named)
    return (named if visit is None else visit.appointment).appointment_id
