"""PostgreSQL's tz database is compared with the pinned one, by what each tells of the clinics."""

from datetime import timedelta, timezone, tzinfo
from functools import partial
from uuid import uuid4

import httpx

from adapters.postgres.reads import read
from adapters.postgres.zone_rules import zones_told_otherwise
from adapters.process.time_zones import VERSION
from domain.zones import zone_named
from tests.clinic_rows import Clinic


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


async def test_operations_are_shown_the_version_of_the_tz_database(api: str) -> None:
    async with httpx.AsyncClient(headers={"accept": "text/html"}) as http:
        page = (await http.get(f"{api.removesuffix('/api/v1')}/ops")).text

    assert VERSION in page
