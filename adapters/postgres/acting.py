"""Who acts, told to the database: its triggers write the name beside every change."""

import json
from collections.abc import Collection
from typing import LiteralString
from uuid import UUID

from domain.actors import ActorRef

ACTING: LiteralString = "set_config('priyom.actor', %(actor)s, true) IS NOT NULL"
"""A condition that is always true. The name lasts until the end of the transaction."""

ACTING_BY_NAME = ACTING.replace("%(actor)s", ":actor")
"""The same for a statement of SQLAlchemy's."""


def told(actor: ActorRef, clinics: Collection[UUID] = (), *, reason: str | None = None) -> str:
    """The actor as the triggers read it; `clinics` are those that staff act for.

    The `reason` is one that the row itself does not keep.
    """
    named = {"id": actor.id, "role": actor.role.value}
    at = {"clinics": [str(each) for each in clinics]} if clinics else {}
    why = {} if reason is None else {"reason": reason}
    return json.dumps(named | at | why)
