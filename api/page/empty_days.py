"""Why a doctor's day has nothing to book, as the pages of patients and staff say it."""

from datetime import date
from functools import partial
from uuid import UUID

from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.directory import find_doctor
from adapters.postgres.exception_rows import standing_exceptions
from adapters.postgres.openings import openings_of
from adapters.postgres.publishing import plans_of
from adapters.postgres.reads import read, read_by_cursor
from domain.empty_day import DayFacts, WhyEmpty, why_empty
from domain.plan import Plan
from domain.plan_exceptions import PlanException
from domain.slot import day_bounds
from domain.zones import zone_named


async def why_empty_day(database: Database, doctor_id: UUID, day: date) -> WhyEmpty | None:
    """Null where something is free after all. Raises `DoctorNotFound`."""
    doctor = await read(database, partial(find_doctor, doctor_id=doctor_id))
    bounds = day_bounds(day, zone_named(doctor.time_zone))
    [openings] = await read(database, partial(openings_of, doctor_ids=[doctor_id], window=bounds))

    async def ask(connection: Cursor) -> tuple[list[Plan], list[PlanException]]:
        standing = await standing_exceptions(connection, [doctor_id], bounds.starts_at)
        return await plans_of(connection, doctor_id), standing[doctor_id]

    plans, exceptions = await read_by_cursor(database, ask)
    return why_empty(
        DayFacts(
            desk=openings.desk,
            day=day,
            now=openings.now,
            shifts=openings.shifts,
            busy=openings.busy,
            plans=plans,
            exceptions=exceptions,
        )
    )
