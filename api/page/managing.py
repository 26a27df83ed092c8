"""What the managers' pages show: clinics, one clinic with its doctors and services, one doctor."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from uuid import UUID
from zoneinfo import available_timezones

from adapters.postgres.database import Connection
from adapters.postgres.directory import (
    Clinic,
    DoctorCard,
    find_clinic,
    find_doctor,
    list_doctors,
    names_at,
)
from adapters.postgres.plan_rows import WrittenPlan
from adapters.postgres.setup import Service, list_services
from api.http.name_cursors import cursor_after, place_after
from domain.plan import Weekly
from domain.slot import day_of
from domain.zones import zone_named

DOCTORS, SERVICES = "doctors to manage", "services to manage"
MOST_DOCTORS, MOST_SERVICES = 40, 60
"""On one page of a clinic; the lists lead on."""
MOST_OFFERED = 150
"""Services to tick on the page of a doctor."""
COLLEAGUES = 200
WEEK = range(1, 8)


@dataclass(frozen=True, kw_only=True)
class ManagedClinic:
    """A clinic, the doctors and the services of one page."""

    clinic: Clinic
    doctors: list[DoctorCard]
    more_doctors: str | None
    services: list[Service]
    more_services: str | None


@dataclass(frozen=True, kw_only=True)
class ManagedDoctor:
    """A doctor, and what the clinic has that a doctor may offer."""

    doctor: DoctorCard
    clinic: Clinic
    services: list[Service]
    plan: WrittenPlan | None
    draft: WrittenPlan | None = None
    """A plan that nobody can book by yet."""

    @property
    def today(self) -> date:
        return day_of(self.doctor.now, zone_named(self.doctor.time_zone))

    @property
    def week(self) -> list[tuple[int, list[Weekly]]]:
        return _by_days(self.plan)

    @property
    def draft_week(self) -> list[tuple[int, list[Weekly]]]:
        return _by_days(self.draft)


def _by_days(written: WrittenPlan | None) -> list[tuple[int, list[Weekly]]]:
    """The parts of each weekday, in their order."""
    weekly = written.plan.weekly if written else ()
    ordered = sorted(weekly, key=lambda each: each.start)
    return [(day, [each for each in ordered if each.weekday == day]) for day in WEEK]


async def managed_clinic(
    connection: Connection, clinic: Clinic, *, doctors_after: str | None, services_after: str | None
) -> ManagedClinic:
    doctors = await list_doctors(
        connection,
        limit=MOST_DOCTORS + 1,
        after=place_after(doctors_after, of=DOCTORS),
        clinic_id=clinic.clinic_id,
    )
    services = await list_services(
        connection,
        limit=MOST_SERVICES + 1,
        after=place_after(services_after, of=SERVICES),
        clinic_id=clinic.clinic_id,
    )
    more_doctors = more_services = None
    if len(doctors) > MOST_DOCTORS:
        last = doctors[MOST_DOCTORS - 1]
        more_doctors = cursor_after(last.name, last.doctor_id, of=DOCTORS)
    if len(services) > MOST_SERVICES:
        final = services[MOST_SERVICES - 1]
        more_services = cursor_after(final.name, final.service_id, of=SERVICES)
    return ManagedClinic(
        clinic=clinic,
        doctors=doctors[:MOST_DOCTORS],
        more_doctors=more_doctors,
        services=services[:MOST_SERVICES],
        more_services=more_services,
    )


async def managed_doctor(
    connection: Connection,
    doctor_id: UUID,
    plan: WrittenPlan | None,
    draft: WrittenPlan | None = None,
) -> ManagedDoctor:
    doctor = await find_doctor(connection, doctor_id)
    return ManagedDoctor(
        doctor=doctor,
        clinic=await find_clinic(connection, doctor.clinic_id),
        services=await list_services(connection, limit=MOST_OFFERED, clinic_id=doctor.clinic_id),
        plan=plan,
        draft=draft,
    )


async def colleagues_of(connection: Connection, doctor: DoctorCard) -> dict[UUID, str]:
    """Whose hours may be copied."""
    names = await names_at(connection, doctor.clinic_id, limit=COLLEAGUES)
    return {key: name for key, name in names.items() if key != doctor.doctor_id}


@cache
def zones() -> tuple[str, ...]:
    """Those that are named after a place."""
    named = (each for each in available_timezones() if "/" in each)
    return tuple(sorted(each for each in named if not each.startswith(("Etc/", "US/"))))
