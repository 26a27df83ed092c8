"""Imports: a file that was kept is read row by row; only its id goes through Temporal."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from uuid import UUID

import psycopg
from structlog import get_logger
from temporalio import activity

from activities.refusals import nobody_named, told_to_temporal
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor, cursor
from adapters.postgres.import_rows import Batch
from adapters.postgres.import_taken import Overlay
from adapters.postgres.imports import Report, Staged, end_import, note, staged
from adapters.postgres.seeing import EVERYBODY
from adapters.postgres.transactions import consistent, serializable
from domain.imports import Row, rows_of
from domain.zones import zone_named

ROWS_AT_ONCE = 25
"""Some hundredths of a second: so long a booking may wait for what they write."""

RESTS = 1.4
"""Times as long as a batch took. The bookings have that time, and the processors, to themselves."""

IN_THE_WAY = (psycopg.errors.ExclusionViolation, psycopg.errors.IntegrityError)

log = get_logger(__name__)


class Imports:
    """Effects on appointments that another system has had."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def import_rows(self, import_id: UUID) -> int:
        """Idempotent: a further try goes on behind the rows that were written. How many rows."""
        with nobody_named(), told_to_temporal():
            file = await staged(self._database, import_id)
            if file.content is None:
                return file.report.rows
            zone = zone_named(file.time_zone)
            rows = await asyncio.to_thread(rows_of, file.content, file.kind, zone)
            total = await (self._rehearse if file.dry_run else self._write)(file, rows)
            await end_import(self._database, import_id)
        log.info("file_was_imported", import_id=str(import_id), rows=total, dry_run=file.dry_run)
        return total

    async def _write(self, file: Staged, rows: Sequence[Row]) -> int:
        report, done = file.report, file.rows_read
        while done < len(rows):
            some = rows[done : done + ROWS_AT_ONCE]
            done, began = done + len(some), time.monotonic()
            try:
                report = await self._batch(file, some, report, done)
            except IN_THE_WAY:
                report = await self._one_by_one(file, some, report, done - len(some))
            activity.heartbeat(done)
            await asyncio.sleep(RESTS * (time.monotonic() - began))
        return report.rows

    async def _one_by_one(
        self, file: Staged, rows: Sequence[Row], report: Report, done: int
    ) -> Report:
        """Of rows that cannot be written together, such as two that change places."""
        for nth, row in enumerate(rows, 1):
            try:
                report = await self._batch(file, [row], report, done + nth)
            except IN_THE_WAY:
                taken = {"line": row.line, "reason": "the time is taken; import the file again"}
                report = report.plus(Report(rows=1, refused=[taken]))
                keep = partial(note, import_id=file.import_id, report=report, rows_read=done + nth)
                await serializable(self._database, keep, sees=EVERYBODY)
        return report

    async def _batch(self, file: Staged, rows: Sequence[Row], report: Report, done: int) -> Report:
        async def work(connection: Cursor) -> Report:
            batch = Batch(connection, file)
            total = report.plus(await batch.decide(rows))
            async with connection.pipeline():
                await batch.write()
                await note(connection, file.import_id, total, done)
            return total

        return await consistent(self._database, work, sees=EVERYBODY)

    async def _rehearse(self, file: Staged, rows: Sequence[Row]) -> int:
        """A dry run decides as the import would, and writes the report alone."""
        report, overlay = Report(), Overlay()
        for first in range(0, len(rows), ROWS_AT_ONCE):
            async with cursor(self._database, EVERYBODY) as connection:
                batch = Batch(connection, file, overlay)
                report = report.plus(await batch.decide(rows[first : first + ROWS_AT_ONCE]))
            activity.heartbeat(report.rows)
        keep = partial(note, import_id=file.import_id, report=report, rows_read=len(rows))
        await serializable(self._database, keep, sees=EVERYBODY)
        return report.rows
