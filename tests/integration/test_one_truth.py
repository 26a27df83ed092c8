"""Whoever is asked what a doctor has free says the same: the API, the patient's and staff's pages.

Random clinics of many zones, whose slot lengths and shifts change after visits were booked, where
some shifts are closing, and whose doctors work at two desks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from random import Random
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from psycopg import IntegrityError
from sqlalchemy import text

from adapters.postgres.alternatives import free_alternatives
from adapters.postgres.database import Connection, Database
from adapters.postgres.days import DayBook
from adapters.postgres.reads import read
from adapters.postgres.slot_search import SlotPage, Wish, find_slots
from adapters.postgres.staff_days import staff_days
from api.page.days import DoctorTimes, doctor_times
from domain.day import SlotState
from domain.search import TimesWished
from domain.slot import MINUTE, Interval, day_of, slots_of
from domain.staff_day import StaffDay
from tests.clinic_rows import Clinic

pytestmark = pytest.mark.unmeasured

ZONES = [
    "Europe/Moscow",
    "Europe/London",
    "Asia/Kolkata",
    "Pacific/Chatham",
    "America/St_Johns",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "America/Vancouver",
]
LENGTHS = [5, 7, 15, 20, 30, 45, 60, 90]
DAYS = 4
CLOSING = 0.2
"""Of the shifts: they keep what is booked and take nothing new."""
TOWNS = range(16)
SETTLED = 2 * MINUTE
"""What begins sooner may begin between two questions of a test."""

ROWS = text("""
SELECT s.id, s.starts_at FROM schedules s JOIN doctors d ON d.id = :desk
WHERE s.practitioner_id = d.practitioner_id
  AND (s.status = 'confirmed' OR s.status = 'held' AND s.held_until > clock_timestamp())
""")


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A doctor at one clinic, by that clinic's clock."""

    id: UUID
    clinic: Clinic
    zone: ZoneInfo


@pytest.mark.parametrize("seed", TOWNS)
async def test_pages_api_next_free_and_alternatives_agree_on_every_slot(
    seed: int, clinic_database: Database
) -> None:
    desks = await a_town(Random(seed), clinic_database)

    for desk in desks:
        await _agree_about(desk, clinic_database, datetime.now(UTC) + SETTLED)


@pytest.mark.parametrize("seed", range(100, 108))
async def test_the_search_finds_what_the_days_have_free_soonest_first_page_by_page(
    seed: int, clinic_database: Database
) -> None:
    dice = Random(seed)
    desks, specialty = await a_town(dice, clinic_database), uuid4().hex
    for desk in desks:
        await desk.clinic.execute(
            "UPDATE doctors SET specialty = :s WHERE id = :id", s=specialty, id=desk.id
        )
    earliest = time(dice.randrange(0, 20), dice.choice([0, 30]))
    times = TimesWished(
        last_day=datetime.now(UTC).date() + timedelta(days=DAYS),
        weekdays=frozenset(dice.sample(range(1, 8), k=5)),
        earliest=earliest,
        latest=time(dice.randrange(earliest.hour, 24), 59),
    )
    soon = datetime.now(UTC) + SETTLED

    found = await _searched(clinic_database, Wish(times=times, specialty=specialty))

    expected = [
        (each, desk.id)
        for desk in desks
        for each in await _free_by_days(clinic_database, desk)
        if times.fits(each, desk.zone) and each > soon
    ]
    assert [each for each in found if each[0] > soon] == sorted(expected)


async def _searched(database: Database, wish: Wish) -> list[tuple[datetime, UUID]]:
    told: list[tuple[datetime, UUID]] = []
    page = SlotPage(slots=[], next_after=(datetime.now(UTC), UUID(int=0)))
    while page.next_after is not None:
        page = await read(database, partial(find_slots, wish=wish, limit=7, after=page.next_after))
        told += [(slot.starts_at, slot.doctor_id) for slot in page.slots]
    return told


async def _free_by_days(database: Database, desk: Desk) -> list[datetime]:
    book, today = DayBook(database), day_of(datetime.now(UTC), desk.zone)
    told = list[datetime]()
    for day in (today + timedelta(days=ahead) for ahead in range(DAYS + 2)):
        fresh = await book.day(desk.id, day)
        slots = fresh.day.at(fresh.now).slots
        told += [slot.starts_at for slot in slots if slot.state is SlotState.FREE]
    return told


async def _agree_about(desk: Desk, database: Database, soon: datetime) -> None:
    book, told = DayBook(database), list[datetime]()
    times = await read(database, lambda c: doctor_times(c, desk.id, None))
    for day in (times.today + timedelta(days=ahead) for ahead in range(DAYS + 2)):
        fresh = await book.day(desk.id, day)
        staff = await _staff_day(database, desk, day)
        slots = fresh.day.at(fresh.now).slots
        free = [s.starts_at for s in slots if s.state is SlotState.FREE and s.starts_at > soon]
        told += free
        assert [s.starts_at for s in staff.slots if s.is_free and s.starts_at > soon] == free
        assert _shown(staff) == sorted(await _rows(database, desk, day))
        assert not _overlapping(staff)
    assert _first_days(times, soon) == told
    if times.doctor.next_free is None or times.doctor.next_free > soon:
        assert times.doctor.next_free == next(iter(told), None)
    if told:
        wish = told[len(told) // 2]
        offered = await _offered(database, desk, wish)
        assert set(offered) <= set(told)
        assert offered[0] == wish


def _shown(staff: StaffDay) -> list[UUID]:
    visits = [slot.visit or slot.elsewhere for slot in staff.slots]
    return sorted(visit.appointment_id for visit in visits if visit)


def _overlapping(staff: StaffDay) -> list[Interval]:
    """Free slots that a row shown beside them touches."""
    taken = [slot for slot in staff.slots if slot.visit or slot.elsewhere]
    free = [slot for slot in staff.slots if slot.is_free]
    return [slot for slot in free if any(slot.overlaps(row) for row in taken)]


def _first_days(times: DoctorTimes, soon: datetime) -> list[datetime]:
    """What the patient's strip counts, of the days that the other lists were asked for."""
    last = times.today + timedelta(days=DAYS + 1)
    begin = [slot.starts_at for slot in times.free]
    return [each for each in begin if each > soon and day_of(each, times.zone) <= last]


async def _staff_day(database: Database, desk: Desk, day: date) -> StaffDay:
    now = datetime.now(UTC)
    days = await read(database, lambda c: staff_days(c, [desk.id], day, desk.zone, now=now))
    return days[desk.id]


async def _offered(database: Database, desk: Desk, wish: datetime) -> list[datetime]:
    async def ask(connection: Connection) -> list[datetime]:
        found = await free_alternatives(
            connection, patient_id=uuid4(), doctor_id=desk.id, starts_at=wish
        )
        return [each.starts_at for each in found if each.doctor_id == desk.id]

    return await read(database, ask)


async def _rows(database: Database, desk: Desk, day: date) -> list[UUID]:
    """The live rows of the person that begin on this local day, by the table alone."""
    async with database.connect() as connection:
        found = await connection.execute(ROWS, {"desk": desk.id})
        return [row.id for row in found if day_of(row.starts_at, desk.zone) == day]


async def a_town(dice: Random, database: Database) -> list[Desk]:
    """Two desks of one person and one of a colleague, on other grids than they were booked on."""
    person = uuid4()
    places = [await _opened(dice, database) for _ in range(2)]
    (first, zone), (second, other_zone) = places
    desks = [
        Desk(id=await first.hire(practitioner_id=person), clinic=first, zone=zone),
        Desk(id=await second.hire(practitioner_id=person), clinic=second, zone=other_zone),
        Desk(id=await first.hire(), clinic=first, zone=zone),
    ]
    for desk in desks:
        length = await _grid_becomes(desk, dice)
        for shift in _shifts(dice):
            await desk.clinic.on_duty(shift.starts_at, shift.ends_at, doctor_id=desk.id)
            await _book_some(dice, desk, list(slots_of(shift, length, desk.zone)))
            if dice.random() < CLOSING:
                await desk.clinic.execute(
                    "UPDATE shifts SET state = 'closing' WHERE doctor_id = :id AND during @> :at",
                    id=desk.id,
                    at=shift.starts_at,
                )
        await _grid_becomes(desk, dice)
        await _cut_shifts(dice, desk)
    return desks


async def _opened(dice: Random, database: Database) -> tuple[Clinic, ZoneInfo]:
    clinic, zone = Clinic(database=database, id=uuid4(), doctor_id=uuid4()), dice.choice(ZONES)
    await clinic.execute(
        "INSERT INTO clinics (id, name, address, time_zone) VALUES (:id, 'C', 'S', :zone)",
        id=clinic.id,
        zone=zone,
    )
    return clinic, ZoneInfo(zone)


async def _grid_becomes(desk: Desk, dice: Random) -> int:
    length = dice.choice(LENGTHS)
    await desk.clinic.execute(
        "UPDATE doctors SET slot_minutes = :length WHERE id = :id", length=length, id=desk.id
    )
    return length


def _shifts(dice: Random) -> Iterator[Interval]:
    """One or two a day, at any hour, also over midnight; they never overlap."""
    begins = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    until = begins + timedelta(days=DAYS)
    while begins < until:
        begins += timedelta(minutes=5 * dice.randrange(12, 150))
        ends = begins + timedelta(minutes=10 * dice.randrange(9, 60))
        yield Interval(starts_at=begins, ends_at=ends)
        begins = ends


async def _book_some(dice: Random, desk: Desk, slots: Sequence[Interval]) -> None:
    """Held, confirmed, lapsed or cancelled; a slot that the person has no time for is left out."""
    for slot in dice.sample(slots, k=min(len(slots), 3)):
        try:
            await desk.clinic.execute(
                "INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status,"
                " held_until, confirmed_at) VALUES (:id, :patient, :doctor, :starts, :ends,"
                " :status, clock_timestamp() + :lasts, CASE WHEN :confirmed THEN now() END)",
                id=uuid4(),
                patient=await desk.clinic.patient(),
                doctor=desk.id,
                starts=slot.starts_at,
                ends=slot.ends_at,
                status=(status := dice.choice(["held", "confirmed", "confirmed", "cancelled"])),
                lasts=timedelta(minutes=dice.choice([-5, 60])),
                confirmed=status != "held",
            )
        except IntegrityError:
            continue


async def _cut_shifts(dice: Random, desk: Desk) -> None:
    """Shifts begin or end at another time now or are moved, where no live row would fall out."""
    for change in (
        "lower(during) + :by, upper(during)",
        "lower(during), upper(during) - :by",
        "lower(during) - :by, upper(during) - :by",
    ):
        try:
            await desk.clinic.execute(
                f"UPDATE shifts SET during = tstzrange({change}) WHERE doctor_id = :id",  # noqa: S608
                by=timedelta(minutes=dice.choice([10, 25])),
                id=desk.id,
            )
        except IntegrityError:
            continue
