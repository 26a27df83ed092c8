"""Whom a visitor of the demo may be, looked up seldom."""

import time
from uuid import UUID

from adapters.postgres.database import Database
from adapters.postgres.demo_patients import DemoPatient, demo_patient, demo_patients
from adapters.postgres.reads import read
from adapters.postgres.seeing import EVERYBODY

OFFERED = 8
REMEMBERED_SECONDS = 30.0


class DemoPatients:
    """The demo's patients; there are none in a clinic that has patients of its own only."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._some: list[DemoPatient] = []
        self._looked_at = -REMEMBERED_SECONDS

    async def some(self) -> list[DemoPatient]:
        if time.monotonic() - self._looked_at >= REMEMBERED_SECONDS:
            self._some = await read(
                self._database, lambda c: demo_patients(c, limit=OFFERED), EVERYBODY
            )
            self._looked_at = time.monotonic()
        return self._some

    async def one(self, patient_id: UUID) -> DemoPatient | None:
        known = (each for each in self._some if each.patient_id == patient_id)
        found = next(known, None)
        return found or await read(self._database, lambda c: demo_patient(c, patient_id), EVERYBODY)
