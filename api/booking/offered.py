"""The clinic's offers: a time that is held for a visit which is to leave its own."""

from adapters.postgres.appointments import Seen
from api.booking.move import Moves
from api.booking.move_order import MoveOrder
from domain.actors import Actor
from domain.booking import Appointment, Refusal, Status
from domain.booking_record import CODE_OF_END
from domain.errors import AppointmentNotFound, HoldExpired, refused


async def accept_offer(moves: Moves, seen: Seen, visit: Seen | None, by: Actor) -> Appointment:
    """The visit goes to the time of an open offer, and answers under either id from then on."""
    offer = seen.appointment
    if visit is None:
        raise AppointmentNotFound
    if offer.status is not Status.HELD:
        raise refused(Refusal(code=CODE_OF_END.get(offer.status, HoldExpired.code)))
    order = MoveOrder(
        appointment_id=visit.appointment.appointment_id,
        version=visit.appointment.version or 1,
        starts_at=offer.starts_at,
        doctor_id=offer.doctor_id,
        by=by,
        is_offered=True,
    )
    return (await moves.move(order)).appointment
