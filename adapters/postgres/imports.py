"""Imports: a file that waits to be read, how far it is read, and the report."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from psycopg.sql import SQL

from adapters.postgres.acting import told
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.reads import read_by_cursor
from adapters.postgres.rows import Row
from adapters.postgres.seeing import EVERYBODY
from adapters.postgres.transactions import serializable
from domain.actors import ActorRef
from domain.errors import ImportNotFound
from domain.imports import UNREAD_FROM_HERE, Kind

STAGE = SQL("""
INSERT INTO imports (id, clinic_id, kind, dry_run, content, actor, report)
VALUES (%(id)s, %(clinic_id)s, %(kind)s, %(dry_run)s, %(content)s, %(actor)s, '{}')
""")

FORGET = SQL("DELETE FROM imports WHERE id = %(id)s AND rows_read = 0")

ABOUT = SQL("""
SELECT clinic_id, dry_run, report, done_at FROM imports WHERE id = %(id)s
""")

STAGED = SQL("""
SELECT i.id, i.clinic_id, i.kind, i.dry_run, i.content, i.actor, i.report, i.rows_read, i.done_at,
    c.time_zone, c.phone
FROM imports i JOIN clinics c ON c.id = i.clinic_id WHERE i.id = %(id)s
""")

READ_SO_FAR = SQL("""
UPDATE imports SET report = CAST(%(report)s AS jsonb), rows_read = %(rows_read)s
WHERE id = %(id)s AND done_at IS NULL
""")

DONE = SQL("""
UPDATE imports SET content = NULL, done_at = coalesce(done_at, clock_timestamp())
WHERE id = %(id)s
""")

# From the line behind the rows that were read. Where some have several lines it is one before.
FORGET_UNREAD = SQL("""
UPDATE imports SET content = NULL, done_at = clock_timestamp(), report = jsonb_set(
    report, '{refused}', coalesce(report -> 'refused', '[]') || jsonb_build_object(
        'line', rows_read + CASE kind WHEN 'text/csv' THEN 2 ELSE 1 END,
        'reason', CAST(%(reason)s AS text)
    )
)
WHERE content IS NOT NULL
  AND created_at < clock_timestamp() - CAST(%(older_than)s AS interval)
""")


@dataclass(kw_only=True)
class Report:
    """What became of the rows so far."""

    rows: int = 0
    created: int = 0
    changed: int = 0
    same: int = 0
    refused: list[dict[str, object]] = field(default_factory=list)
    overlaps: list[dict[str, object]] = field(default_factory=list)

    def plus(self, other: "Report") -> "Report":
        return Report(
            rows=self.rows + other.rows,
            created=self.created + other.created,
            changed=self.changed + other.changed,
            same=self.same + other.same,
            refused=[*self.refused, *other.refused],
            overlaps=[*self.overlaps, *other.overlaps],
        )


@dataclass(frozen=True, kw_only=True)
class Import:
    """Where an import stands; `done_at` is null while it runs."""

    import_id: UUID
    clinic_id: UUID
    dry_run: bool
    report: Report
    done_at: datetime | None

    @property
    def is_unread(self) -> bool:
        """Whether it was ended before the end of the file."""
        return any(each["reason"] == UNREAD_FROM_HERE for each in self.report.refused[-1:])


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A file that is to be read, and how far it was; `content` is gone at the end."""

    import_id: UUID
    clinic_id: UUID
    kind: Kind
    dry_run: bool
    content: bytes | None
    actor: str
    report: Report
    rows_read: int
    time_zone: str
    clinic_phone: str


async def stage(  # noqa: PLR0913 - each is a part of what is kept
    database: Database,
    *,
    clinic_id: UUID,
    kind: Kind,
    dry_run: bool,
    content: bytes,
    actor: ActorRef,
) -> UUID:
    """Keep the file until it is read."""
    asked: Mapping[str, object] = {
        "id": uuid4(),
        "clinic_id": clinic_id,
        "kind": kind.value,
        "dry_run": dry_run,
        "content": content,
        "actor": told(actor, [clinic_id]),
    }
    await _write(database, STAGE, asked)
    return UUID(str(asked["id"]))


async def forget(database: Database, import_id: UUID) -> None:
    """A file that nobody will read."""
    await _write(database, FORGET, {"id": import_id})


async def forget_unread(database: Database, *, older_than: timedelta) -> None:
    """Files whose run never began, or was ended by force: nobody reads them any more.

    People are named in them, who may be erased meanwhile. The report says where it ends.
    """
    await _write(database, FORGET_UNREAD, {"older_than": older_than, "reason": UNREAD_FROM_HERE})


async def find_import(database: Database, import_id: UUID) -> Import:
    """Raises `ImportNotFound`."""
    row = await _row(database, ABOUT, import_id)
    return Import(
        import_id=import_id,
        clinic_id=row["clinic_id"],
        dry_run=row["dry_run"],
        report=Report(**row["report"]),
        done_at=row["done_at"],
    )


async def staged(database: Database, import_id: UUID) -> Staged:
    """Raises `ImportNotFound`."""
    row = await _row(database, STAGED, import_id)
    return Staged(
        import_id=row["id"],
        clinic_id=row["clinic_id"],
        kind=Kind(row["kind"]),
        dry_run=row["dry_run"],
        content=row["content"],
        actor=row["actor"],
        report=Report(**row["report"]),
        rows_read=row["rows_read"],
        time_zone=row["time_zone"],
        clinic_phone=row["phone"],
    )


async def note(cursor: Cursor, import_id: UUID, report: Report, rows_read: int) -> None:
    """So far it is read, in the transaction of what was read."""
    facts = {"id": import_id, "report": json.dumps(vars(report)), "rows_read": rows_read}
    await cursor.write(READ_SO_FAR, facts)


async def end_import(database: Database, import_id: UUID) -> None:
    """The file is forgotten; again the same."""
    await _write(database, DONE, {"id": import_id})


async def _row(database: Database, statement: SQL, import_id: UUID) -> Row:
    async def ask(cursor: Cursor) -> Row | None:
        return await cursor.one_or_none(statement, {"id": import_id})

    row = await read_by_cursor(database, ask, EVERYBODY)
    if row is None:
        raise ImportNotFound
    return row


async def _write(database: Database, statement: SQL, asked: Mapping[str, object]) -> None:
    async def work(cursor: Cursor) -> None:
        await cursor.write(statement, asked)

    await serializable(database, work, sees=EVERYBODY)
