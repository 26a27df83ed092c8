"""A doctor's own page: one day by its time, and what has changed of late."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from adapters.postgres.database import Connection
from adapters.postgres.directory import Clinic, DoctorCard, find_clinic, find_doctor
from adapters.postgres.inbox import Notice, inbox_opened, mark_notice, new_notices, notices_of
from adapters.postgres.reads import read
from adapters.postgres.staff_days import names_of, staff_days
from api.dependencies import DatabaseDep, Days, InboxListenerDep, LiveStreams, WatchedDays
from api.http.actor import DayReaderCaller, NoticeReader
from api.http.dates import LocalDate
from api.http.looks import note_day_on_page
from api.http.schemas import Id, Text
from api.http.streams import Event, merged
from api.http.whose import check_doctor
from api.page.empty_days import why_empty_day
from api.page.forms import OwnForm, local, see
from api.page.live import changes_of
from api.page.rendering import page
from api.page.visitor import Anybody
from domain.attendance import Mark, marks_of
from domain.booking import Status
from domain.empty_day import WhyEmpty
from domain.slot import day_of
from domain.staff_day import StaffDay, StaffSlot, StaffVisit
from domain.zones import zone_named

ChosenDate = Annotated[LocalDate | None, Query(alias="date")]

NOTICES = 8

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class DoctorsDay:
    """What a doctor sees of a day."""

    doctor: DoctorCard
    clinic: Clinic
    day: date
    staff: StaffDay
    notices: list[Notice]

    names: dict[UUID, str]
    """Whom the notices are about."""

    marked: UUID | None
    """The visit that was marked just now."""

    def marks(self, visit: StaffVisit) -> tuple[Mark, ...]:
        """What may be said now of whether the patient came."""
        zone, now = zone_named(self.doctor.time_zone), self.doctor.now
        return marks_of(visit.status, visit.starts_at, zone=zone, now=now)

    @property
    def just_marked(self) -> StaffVisit | None:
        visits = (slot.visit for slot in self.staff.slots if slot.visit)
        return next((each for each in visits if each.appointment_id == self.marked), None)

    why: WhyEmpty | None = None
    """Why nothing of the day can be booked."""

    @property
    def next_patient(self) -> StaffSlot | None:
        """Who is here now, else who comes next."""
        now = self.doctor.now
        awaited = {Status.HELD, Status.CONFIRMED, Status.ARRIVED}
        coming = (each for each in self.staff.slots if each.visit and each.ends_at > now)
        return next((each for each in coming if each.visit and each.visit.status in awaited), None)

    @property
    def first_to_come(self) -> StaffSlot | None:
        """Where the page opens: at what is now, or comes next, of what it lists."""
        now = self.doctor.now
        listed = (each for each in self.staff.slots if each.is_listed and each.ends_at > now)
        return next(listed, None)

    @property
    def before(self) -> date:
        return self.day - timedelta(days=1)

    @property
    def after(self) -> date:
        return self.day + timedelta(days=1)

    @property
    def is_today(self) -> bool:
        return self.day == day_of(self.doctor.now, zone_named(self.doctor.time_zone))


@router.get("/doctor/{doctor_id}")
async def doctor_day(  # noqa: PLR0913 - each is a part of the request
    *,
    doctor_id: Id,
    caller: DayReaderCaller,
    visitor: Anybody,
    database: DatabaseDep,
    chosen: ChosenDate = None,
    marked: Id | None = None,
    note: Annotated[Text | None, Query()] = None,
) -> Response:
    """One day by its time: who comes when, where the gaps are, and what has changed of late.

    `marked` is the visit that was marked here just now; `note` says why one was not.
    """
    actor = await check_doctor(caller, database, doctor_id)

    async def ask(connection: Connection) -> DoctorsDay:
        doctor = await find_doctor(connection, doctor_id)
        zone = zone_named(doctor.time_zone)
        day = chosen or day_of(doctor.now, zone)
        days = await staff_days(connection, [doctor_id], day, zone, now=doctor.now)
        await note_day_on_page(connection, actor, doctor_id)
        notices = await notices_of(connection, doctor_id, limit=NOTICES, before=None)
        return DoctorsDay(
            doctor=doctor,
            clinic=await find_clinic(connection, doctor.clinic_id),
            day=day,
            staff=days[doctor_id],
            notices=notices,
            names=await names_of(connection, [each.appointment_id for each in notices]),
            marked=marked,
        )

    found = await read(database, ask, caller.sees_patients)
    if not found.staff.free:
        found = replace(found, why=await why_empty_day(database, doctor_id, found.day))
    return page(visitor, "doctor.html", here="doctor", found=found, note=note)


@router.get("/doctor/{doctor_id}/stream")
async def stream(  # noqa: PLR0913 - what a stream needs is asked for by name
    *,
    doctor_id: Id,
    day: Annotated[LocalDate, Query(alias="date")],
    caller: DayReaderCaller,
    request: Request,
    database: DatabaseDep,
    days: Days,
    live: WatchedDays,
    listener: InboxListenerDep,
    streams: LiveStreams,
) -> Response:
    """That the day has changed, or that there is a notice: one connection a page."""
    await check_doctor(caller, database, doctor_id)
    first, _ = await days.read(doctor_id, day)
    since = await inbox_opened(database, doctor_id)

    async def notices(since: datetime) -> AsyncGenerator[Event]:
        async for notice in new_notices(database, listener, doctor_id, since=since):
            yield Event(name="notice", data={"notificationId": str(notice.notification_id)})

    return streams.answer(request, merged([changes_of(live, first), notices(since)]))


@router.post("/doctor/{doctor_id}/notices/{notification_id}/read")
async def mark_as_read(
    *,
    _: OwnForm,
    doctor_id: Id,
    notification_id: Id,
    caller: NoticeReader,
    database: DatabaseDep,
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Back to the day where it was pressed."""
    await check_doctor(caller, database, doctor_id)
    mark = partial(mark_notice, doctor_id=doctor_id, notification_id=notification_id, is_read=True)
    await read(database, mark)
    return see(local(back))
