"""What a doctor sees of a day."""

from dataclasses import dataclass
from datetime import date, timedelta

from adapters.postgres.directory import Clinic, DoctorCard
from adapters.postgres.inbox import Notice
from domain.slot import day_of
from domain.staff_day import StaffDay
from domain.zones import zone_named


@dataclass(frozen=True, kw_only=True)
class DoctorsDay:
    """What a doctor sees of a day."""

    doctor: DoctorCard
    clinic: Clinic
    day: date
    staff: StaffDay
    notices: list[Notice]

    @property
    def before(self) -> date:
        return self.day - timedelta(days=1)

    @property
    def after(self) -> date:
        return self.day + timedelta(days=1)

    @property
    def is_today(self) -> bool:
        return self.day == day_of(self.doctor.now, zone_named(self.doctor.time_zone))
