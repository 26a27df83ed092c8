"""Who looked at a patient's data, or changed who may."""

from uuid import UUID

from adapters.postgres.database import Connection
from adapters.postgres.trail import note_look
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
    if seen and (always or actor.role.is_staff or actor.is_anyone):
        await note_look(connection, actor.ref, action, seen, clinics=actor.clinic_ids)
