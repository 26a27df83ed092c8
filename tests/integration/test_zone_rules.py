"""PostgreSQL's tz database is compared with the pinned one, by what each tells of the clinics."""

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import partial
from importlib.resources import files
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx

from adapters.postgres.publishing import republish
from adapters.postgres.reads import read
from adapters.postgres.zone_rules import zones_told_otherwise
from adapters.process.time_zones import VERSION
from domain.zones import zone_named
from tests.clinic_rows import Clinic, at, refused_by
from tests.integration.test_publishing import Office


async def opened(clinic: Clinic, zone: str) -> None:
    await clinic.execute(
        "INSERT INTO clinics (id, name, address, time_zone) VALUES (:id, 'C', 'S', :zone)",
        id=uuid4(),
        zone=zone,
    )


async def test_zones_of_stable_rules_are_told_alike(clinic: Clinic) -> None:
    for zone in ("Europe/London", "Asia/Kolkata", "Australia/Lord_Howe"):
        await opened(clinic, zone)

    otherwise = await read(clinic.database, zones_told_otherwise)

    assert {"Europe/London", "Asia/Kolkata", "Australia/Lord_Howe"}.isdisjoint(otherwise)


async def test_a_zone_whose_rules_are_others_in_postgresql_is_named(clinic: Clinic) -> None:
    for zone in ("Asia/Tokyo", "Asia/Seoul"):
        await opened(clinic, zone)

    def newer(name: str) -> tzinfo:
        """As if a government had moved Tokyo and only we had heard of it."""
        return timezone(timedelta(hours=8)) if name == "Asia/Tokyo" else zone_named(name)

    otherwise = await read(clinic.database, partial(zones_told_otherwise, ours=newer))

    assert "Asia/Tokyo" in otherwise
    assert "Asia/Seoul" not in otherwise


@contextmanager
def a_newer_database(folder: Path) -> Iterator[None]:
    """As if Moscow had taken the clocks of Yekaterinburg, two hours ahead of its own."""
    (folder / "Europe").mkdir()
    rules = (files("tzdata") / "zoneinfo" / "Asia" / "Yekaterinburg").read_bytes()
    (folder / "Europe" / "Moscow").write_bytes(rules)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([folder])
    ZoneInfo.clear_cache()
    try:
        yield
    finally:
        zoneinfo.reset_tzpath(before)
        ZoneInfo.clear_cache()


async def test_under_new_rules_of_its_zone_a_doctor_comes_by_the_same_wall_clock(
    clinic: Clinic, tmp_path: Path
) -> None:
    """Who has booked keeps the instant, also where the doctor's day now ends before it."""
    office, doctor = Office(clinic), clinic.doctor_id
    await clinic.execute("DELETE FROM shifts WHERE doctor_id = :id", id=doctor)
    await office.plans(doctor)
    ahead = (datetime.now(UTC) + timedelta(days=3)).date()
    visit = await clinic.book(at("12:30", ahead))

    with a_newer_database(tmp_path):
        changed = await republish(office.database, doctor, 7)
        again = await republish(office.database, doctor, 7)

    by_old_rules = [each[11:] for each in await office.shifts() if each.startswith(str(ahead))]
    assert changed > again == 0
    assert by_old_rules == ["07:00", "12:30"]
    cut = clinic.execute("DELETE FROM shifts WHERE doctor_id = :id", id=doctor)
    assert await refused_by(cut) == "schedules_in_shift", visit


async def test_operations_are_shown_the_version_of_the_tz_database(api: str) -> None:
    async with httpx.AsyncClient(headers={"accept": "text/html"}, timeout=20) as http:
        page = await http.get(f"{api.removesuffix('/api/v1')}/ops")
        while page.status_code == 503:  # no server but PostgreSQL is there, which takes its time
            page = await http.get(page.url)

    assert VERSION in page.text
