"""The doctor's inbox: notices newest first, the new ones as they come, read or unread."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import psycopg
from sqlalchemy import RowMapping, text
from structlog import get_logger

from adapters.postgres.appointments import Before
from adapters.postgres.database import Connection, Database
from adapters.postgres.inbox_listener import InboxListener
from adapters.postgres.reads import read
from domain.errors import DoctorNotFound, NoticeNotFound

LOOK_BACK = timedelta(seconds=5)
"""A notice has its time before it is committed, so one that is seen later may bear an earlier time.
It is one statement, which ends within four seconds."""

A_PAGE = 100

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a doctor is told about one appointment."""

    notification_id: UUID
    appointment_id: UUID
    kind: str
    starts_at: datetime
    created_at: datetime
    read_at: datetime | None


NOTICE = "n.id, n.appointment_id, n.kind, n.starts_at, n.created_at, n.read_at"
OF_DOCTOR = """
SELECT {notice} FROM notifications n
WHERE n.doctor_id = :id AND n.audience = 'doctor' AND n.status = 'sent'
  AND (n.read_at IS NULL OR NOT :unread) {beyond}
ORDER BY n.created_at {order}, n.id {order}
LIMIT :limit
"""

NEWEST = text(OF_DOCTOR.format(notice=NOTICE, beyond="", order="DESC"))
OLDER = text(
    OF_DOCTOR.format(
        notice=NOTICE, beyond="AND (n.created_at, n.id) < (:created_at, :place)", order="DESC"
    )
)
LATER = text(
    OF_DOCTOR.format(
        notice=NOTICE, beyond="AND (n.created_at, n.id) > (:created_at, :place)", order="ASC"
    )
)

DOCTOR_NOW = text("SELECT clock_timestamp() FROM doctors WHERE id = :id")

MARK = text(f"""
UPDATE notifications n
SET read_at = CASE WHEN :is_read THEN coalesce(n.read_at, clock_timestamp()) END
WHERE n.id = :notice AND n.doctor_id = :id AND n.audience = 'doctor' AND n.status = 'sent'
RETURNING {NOTICE}
""")  # noqa: S608 - our own columns


async def notices_of(
    connection: Connection,
    doctor_id: UUID,
    *,
    limit: int,
    before: Before | None,
    unread: bool = False,
) -> list[Notice]:
    """Newest first, all or the unread ones; refuses a doctor who does not exist."""
    page: dict[str, object] = {"id": doctor_id, "limit": limit, "unread": unread}
    if before:
        page |= {"created_at": before.created_at, "place": before.id}
    rows = (await connection.execute(OLDER if before else NEWEST, page)).mappings().all()
    if not rows:
        await _known_at(connection, doctor_id)
    return _notices(rows)


async def mark_notice(
    connection: Connection, doctor_id: UUID, notification_id: UUID, *, is_read: bool
) -> Notice:
    """As read, which keeps the time of the first reading, or as unread again."""
    asked = {"id": doctor_id, "notice": notification_id, "is_read": is_read}
    row = (await connection.execute(MARK, asked)).mappings().one_or_none()
    if row is None:
        await _known_at(connection, doctor_id)
        raise NoticeNotFound
    return _notice(row)


async def inbox_opened(database: Database, doctor_id: UUID) -> datetime:
    """The database's time, from which on notices are new; refuses a doctor who does not exist."""

    return await read(database, lambda connection: _known_at(connection, doctor_id))


async def new_notices(
    database: Database, listener: InboxListener, doctor_id: UUID, *, since: datetime
) -> AsyncIterator[Notice]:
    """Each notice since then, oldest first, and those to come, without end.

    It begins a few seconds before `since`, so that nothing falls between a list and its stream: who
    reads both knows a notice by its id. A database that is away is asked again later.
    """
    told: dict[UUID, datetime] = {}
    with listener.listening(doctor_id) as rung:
        while True:
            rung.clear()
            try:
                async for notice in _since(database, doctor_id, since - LOOK_BACK):
                    if notice.notification_id not in told:
                        told[notice.notification_id] = notice.created_at
                        since = max(since, notice.created_at)
                        yield notice
            except psycopg.Error as error:
                log.warning("inbox_was_not_read", error=type(error).__name__)
            told = {known: at for known, at in told.items() if at >= since - LOOK_BACK}
            await rung.wait()


async def _since(
    database: Database, doctor_id: UUID, created_at: datetime
) -> AsyncIterator[Notice]:
    place = UUID(int=0)
    while True:
        asked = {"created_at": created_at, "place": place, "id": doctor_id}
        notices = await read(database, partial(_later, asked))
        for notice in notices:
            yield notice
        if len(notices) < A_PAGE:
            return
        created_at, place = notices[-1].created_at, notices[-1].notification_id


async def _later(asked: Mapping[str, object], connection: Connection) -> list[Notice]:
    page = {**asked, "limit": A_PAGE, "unread": False}
    return _notices((await connection.execute(LATER, page)).mappings().all())


async def _known_at(connection: Connection, doctor_id: UUID) -> datetime:
    now = (await connection.execute(DOCTOR_NOW, {"id": doctor_id})).scalar_one_or_none()
    if now is None:
        raise DoctorNotFound
    assert isinstance(now, datetime)  # noqa: S101 - PostgreSQL's timestamptz
    return now


def _notices(rows: Sequence[RowMapping]) -> list[Notice]:
    return [_notice(row) for row in rows]


def _notice(row: RowMapping) -> Notice:
    return Notice(
        notification_id=row["id"],
        appointment_id=row["appointment_id"],
        kind=row["kind"],
        starts_at=row["starts_at"],
        created_at=row["created_at"],
        read_at=row["read_at"],
    )
