"""Keys that moves were sent with: what each was sent for, and the refusal that its run gave."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.sql import SQL
from pydantic import TypeAdapter

from adapters.postgres.direct import Cursor
from adapters.postgres.rows import Row
from domain.booking import Refusal

FIND = SQL("""
SELECT appointment_id, version, starts_at, doctor_id, reason, CAST(refusal AS text) AS refusal
FROM move_keys WHERE id = %(id)s
""")

# What is there already is returned as it is: of two bodies sent at once the first has the key.
BIND = SQL("""
INSERT INTO move_keys (id, appointment_id, version, starts_at, doctor_id, reason)
VALUES (%(id)s, %(appointment_id)s, %(version)s, %(starts_at)s, %(doctor_id)s, %(reason)s)
ON CONFLICT (id) DO UPDATE SET id = excluded.id
RETURNING appointment_id, version, starts_at, doctor_id, reason, CAST(refusal AS text) AS refusal
""")

REFUSE = SQL("""
UPDATE move_keys SET refusal = coalesce(refusal, CAST(%(refusal)s AS jsonb)) WHERE id = %(id)s
""")

_refusals: TypeAdapter[Refusal] = TypeAdapter(Refusal)


@dataclass(frozen=True, kw_only=True)
class MoveWish:
    """The body of one request to move a visit."""

    appointment_id: UUID
    version: int
    starts_at: datetime
    doctor_id: UUID | None
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class KeptKey:
    """What a key was sent for; `refusal` where its run said no."""

    wish: MoveWish
    refusal: Refusal | None


async def find_key(connection: Cursor, key_id: UUID) -> KeptKey | None:
    row = await connection.one_or_none(FIND, {"id": key_id})
    return None if row is None else _kept(row)


async def bind_key(connection: Cursor, key_id: UUID, wish: MoveWish) -> KeptKey:
    """Before the run begins: from then on the key is this wish's, unless it is another's."""
    return _kept(await connection.one(BIND, {"id": key_id} | vars(wish)))


async def refuse_key(connection: Cursor, key_id: UUID, refusal: Refusal) -> None:
    """Keep what the run said no with, for who asks again."""
    written = _refusals.dump_json(refusal).decode()
    await connection.write(REFUSE, {"id": key_id, "refusal": written})


def _kept(row: Row) -> KeptKey:
    refusal = row["refusal"]
    return KeptKey(
        wish=MoveWish(**{name: row[name] for name in MoveWish.__dataclass_fields__}),
        refusal=None if refusal is None else _refusals.validate_json(refusal),
    )
