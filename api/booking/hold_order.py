"""One POST of a booking, what the database said about it, and how it was answered."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.actors import Actor, ActorRef
from domain.booking import Appointment
from domain.errors import Refused
from domain.rules import Facts, SlotWish

Slot = tuple[UUID, datetime]


@dataclass(frozen=True, kw_only=True)
class Held:
    """The answer to a hold; `replayed` where it was given before."""

    appointment: Appointment
    replayed: bool


class ReplayedRefusal(Exception):
    """A refusal that was given before for the same key."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


@dataclass(frozen=True, kw_only=True)
class Order:
    """One POST: the wish, the appointment's id that it leads to, and whether the id is a key's."""

    appointment_id: UUID
    attempt_id: UUID
    wish: SlotWish
    has_key: bool
    by: Actor
    reason: str | None = None

    @property
    def slot(self) -> Slot:
        return self.wish.doctor_id, self.wish.starts_at


@dataclass(frozen=True, kw_only=True)
class View:
    """What the database said about an order at one instant."""

    facts: Facts
    own: Appointment | None
    actor: ActorRef
    wish: SlotWish
    may_book_service: bool
