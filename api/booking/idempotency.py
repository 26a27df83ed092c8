"""The same key, the same answer: ids made of keys, and what a wish was answered before."""

import hmac
from dataclasses import replace
from hashlib import sha256
from uuid import UUID, uuid4

from api.booking.hold_order import Order
from domain.actors import ANYONE, Actor
from domain.booking import MAX_EXTENSIONS, Appointment, Status, Terms
from domain.errors import HoldExpired, IdempotencyKeyReused
from domain.rules import SlotWish


def appointment_id_of(
    secret: bytes, patient_id: UUID, key: str | None, *, sent_by: Actor = ANYONE
) -> UUID:
    """A retried POST finds what the first one began, also after every process was restarted.

    Keys are scoped to the patient and to who sent them; both have a fixed length, so that no two
    pairs collide. Without a key the id is new.
    """
    if key is None:
        return uuid4()
    return _id_of(secret, b"", patient_id, key, sent_by)


def move_key_id_of(secret: bytes, patient_id: UUID, key: str, *, sent_by: Actor) -> UUID:
    """Of the same scope; a key of moves is none of bookings."""
    return _id_of(secret, b"move", patient_id, key, sent_by)


def _id_of(secret: bytes, what: bytes, patient_id: UUID, key: str, sent_by: Actor) -> UUID:
    sender = b"" if sent_by.is_anyone else sha256(sent_by.subject.encode()).digest()
    digest = hmac.digest(secret, what + sender + patient_id.bytes + key.encode("ascii"), sha256)
    return UUID(bytes=digest[:16], version=4)  # as random as one to all who lack the secret


def refuse_another_wish(order: Order, bound: Appointment, terms: Terms | None) -> None:
    """Raises `IdempotencyKeyReused` where the key was bound by another body."""
    if not is_same_wish(order.wish, bound) or not has_same_terms(order, terms):
        raise IdempotencyKeyReused


def has_same_terms(order: Order, terms: Terms | None) -> bool:
    """What nobody knows any more is not compared."""
    if terms is None:
        return True
    return terms.reason == order.reason and terms.overbook in {None, order.wish.overbook}


def is_same_wish(wish: SlotWish, appointment: Appointment) -> bool:
    """Instants are compared, not the strings that named them."""
    return (wish.patient_id, wish.doctor_id, wish.starts_at, wish.service_id) == (
        appointment.patient_id,
        appointment.doctor_id,
        appointment.starts_at,
        appointment.service_id,
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
        moves=0,
    )
