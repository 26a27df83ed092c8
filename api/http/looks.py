"""Who looked at a patient's data, or changed who may."""

from collections.abc import Collection
from functools import partial
from uuid import UUID

from adapters.postgres.database import Connection, Database
from adapters.postgres.reads import read
from adapters.postgres.trail import note_look, note_page
from domain.actors import Actor


async def note(
    connection: Connection,
    actor: Actor,
    action: str,
    seen: list[UUID],
    *,
    always: bool = False,
) -> None:
    """What patients themselves look at is nobody's business."""
    if seen and (always or _is_noted(actor)):
        await note_look(connection, actor.ref, action, seen, clinics=actor.clinic_ids)


async def note_visit(database: Database, actor: Actor, patient_id: UUID) -> None:
    """An appointment was read, or its history.

    Where nobody signs in its patient is who reads it, as it is the patient who commands it.
    """
    if actor.role.is_staff:
        await read(database, partial(note, actor=actor, action="read", seen=[patient_id]))


async def note_people_on_page(
    connection: Connection, actor: Actor, action: str, seen: Collection[UUID]
) -> None:
    """The same for a page, whose every renewal is no look of its own."""
    if seen and _is_noted(actor):
        await note_page(
            connection, actor.ref, action, seen, are_patients=True, clinics=actor.clinic_ids
        )


async def note_day_on_page(connection: Connection, actor: Actor, whose: UUID) -> None:
    """A day with its patients was opened: that of a doctor, or of a clinic's reception.

    Whom it named, the history of that day's appointments tells.
    """
    if _is_noted(actor):
        await note_page(
            connection,
            actor.ref,
            "see-day",
            [whose],
            are_patients=False,
            clinics=actor.clinic_ids,
        )


def _is_noted(actor: Actor) -> bool:
    return actor.role.is_staff or actor.is_anyone
