"""A visit for whoever may see its page: its patient's own, or the one that a link is of."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Form

from adapters.postgres.database import Database
from adapters.postgres.reads import read
from adapters.postgres.visits import PatientVisit, visit
from api.booking.commands import Commands, Found
from api.http.actor import Caller
from api.http.problems import Problem
from api.page.visitor import Visitor
from domain.actors import Actor, Role
from domain.booking import Status
from domain.errors import AppointmentNotFound
from domain.visit_links import VisitLink, read_token

SeenVersion = Annotated[int, Form(alias="version", ge=1, le=1_000_000)]
"""Which state of the visit the page showed when its button was pressed."""


async def own_visit(
    desk: Commands, appointment_id: UUID, visitor: Visitor, caller: Caller
) -> Found:
    """A visit of somebody else is no visit."""
    found = await desk.find(appointment_id, caller.actor)
    if found.appointment.patient_id != visitor.signed_in.patient_id:
        raise AppointmentNotFound
    return found


async def seen_visit(database: Database, appointment_id: UUID) -> PatientVisit | None:
    """With all that a page says of it; None where it has no row."""
    return await read(database, lambda connection: visit(connection, appointment_id))


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A link that is ours, and the visit as it is now."""

    token: str
    link: VisitLink
    visit: PatientVisit

    @property
    def can_act(self) -> bool:
        """The link is of this very state, and the visit is ahead."""
        booked = self.visit.appointment
        stands = booked.status is Status.CONFIRMED or self.is_offer
        return booked.version == self.link.version and stands and not self.visit.has_begun

    @property
    def is_offer(self) -> bool:
        """A time that the clinic holds for a visit which is to leave its own."""
        booked = self.visit.appointment
        is_held = booked.status is Status.HELD and self.visit.lasts_seconds > 0
        return booked.origin == "offer" and is_held

    @property
    def actor(self) -> Actor:
        """The patient, whom the message was for."""
        patient_id = self.visit.appointment.patient_id
        roles = frozenset({Role.PATIENT})
        return Actor(subject=f"link of {patient_id}", roles=roles, patient_id=patient_id)


async def opened_link(database: Database, key: bytes, token: str) -> Opened:
    """Raises a problem for a link that is not ours or has ended."""
    link = read_token(key, token)
    if link is None or datetime.now(UTC).date() > link.until:
        raise Problem(code="not_found", detail="This link is not valid, or not any more.")
    found = await seen_visit(database, link.appointment_id)
    if found is None:
        raise Problem(code="not_found", detail="This link is not valid, or not any more.")
    return Opened(token=token, link=link, visit=found)
