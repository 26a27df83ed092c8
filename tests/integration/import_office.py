"""A clinic that takes files of appointments from another system."""

import csv
import io
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.imports import Imports
from adapters.postgres.database import Database
from adapters.postgres.imports import Import, find_import, stage
from domain.actors import SYSTEM
from domain.imports import COLUMNS, Kind
from stack.home import CHECKOUT
from tests.clinic_rows import Clinic

EXAMPLE = (CHECKOUT / "docs/examples/import.csv").read_bytes()
PATIENTS = re.compile(rb"Anna Petrova|Boris Orlov|Vera Lis|Gleb Zima")


@dataclass(frozen=True)
class Office:
    """A clinic with Dr Kim, on duty from nine to eleven."""

    clinic: Clinic

    @property
    def database(self) -> Database:
        return self.clinic.database

    def file(self, *rows: dict[str, str]) -> bytes:
        """Its patients are of no other test."""
        written = io.StringIO()
        table = csv.DictWriter(written, COLUMNS, lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow(row | {"patient_name": f"{row['patient_name']} {self.clinic.id}"})
        return written.getvalue().encode()

    @property
    def example(self) -> bytes:
        """The document's example; its patients, too, have visits in no other test."""
        return PATIENTS.sub(rb"\g<0> %s" % str(self.clinic.id).encode(), EXAMPLE)

    async def keep(self, content: bytes, kind: Kind = Kind.CSV, *, dry_run: bool = False) -> UUID:
        return await stage(
            self.database,
            clinic_id=self.clinic.id,
            kind=kind,
            dry_run=dry_run,
            content=content,
            actor=SYSTEM,
        )

    async def read(self, import_id: UUID) -> Import:
        await ActivityEnvironment().run(Imports(self.database).import_rows, import_id)
        return await find_import(self.database, import_id)

    async def take(self, content: bytes, kind: Kind = Kind.CSV, *, dry_run: bool = False) -> Import:
        return await self.read(await self.keep(content, kind, dry_run=dry_run))

    async def visits(self) -> list[dict[str, Any]]:
        asked = text(
            "SELECT s.*, p.full_name, p.phone, p.email FROM schedules s"
            " JOIN patients p ON p.id = s.patient_id WHERE s.clinic_id = :id"
            " ORDER BY s.starts_at, s.id"
        )
        async with self.database.connect() as connection:
            rows = await connection.execute(asked, {"id": self.clinic.id})
            return [dict(row) for row in rows.mappings()]

    async def shifts(self) -> list[tuple[str, str, str]]:
        asked = text(
            "SELECT to_char(lower(during), 'HH24:MI'), to_char(upper(during), 'HH24:MI'), state"
            " FROM shifts WHERE doctor_id = :id ORDER BY during"
        )
        async with self.database.connect() as connection:
            rows = await connection.execute(asked, {"id": self.clinic.doctor_id})
            return [(row[0], row[1], row[2]) for row in rows]


def a_row(
    number: int = 1, clock: str = "09:00", until: str = "09:30", **cells: str
) -> dict[str, str]:
    return {
        "external_id": f"A-{number}",
        "doctor": "Dr Kim",
        "starts_at": f"2030-01-14T{clock}",
        "ends_at": f"2030-01-14T{until}",
        "patient_name": f"Patient {number}",
        "patient_phone": f"+791600000{number:02}",
        "status": "confirmed",
    } | cells


def counted(found: Import) -> tuple[int, int, int, int]:
    report = found.report
    return report.created, report.changed, report.same, len(report.refused)
