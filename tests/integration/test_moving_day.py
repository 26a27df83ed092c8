"""A doctor's day for whoever moves a visit: as it would be without it."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest

from domain.documents import timestamp
from tests.clinic_rows import DAY, Clinic, at
from tests.fakes.issuer import FakeIssuer


@pytest.fixture
async def http(api: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=api, timeout=20) as client:
        yield client


async def day_of(http: httpx.AsyncClient, doctor_id: UUID, moving: UUID) -> dict[str, str]:
    """The states of the day's slots by when they begin."""
    asked = {"date": str(DAY), "moving": str(moving)}
    answer = await http.get(f"/doctors/{doctor_id}/schedule", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-status"] == "priyom; fwd=miss"
    return {slot["dateTime"]: slot["state"] for slot in answer.json()["slots"]}


def clock(*states: str) -> dict[str, str]:
    return dict(
        zip(map(timestamp, map(at, ("09:00", "09:30", "10:00", "10:30"))), states, strict=True)
    )


async def test_the_own_slot_is_own_and_others_are_as_they_are(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    own = await clinic.book(at("09:30"))
    await clinic.book(at("10:00"))
    await clinic.hold(at("10:30"))

    assert await day_of(http, clinic.doctor_id, own) == clock("free", "own", "booked", "held")


async def test_a_visit_on_no_slot_stands_in_no_slots_way_and_is_shown(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    """The grid begins with the shift, which was another when the visit was booked."""
    own = await clinic.book(at("09:15"))

    seen = await day_of(http, clinic.doctor_id, own)

    assert seen == clock("free", "free", "free", "free") | {timestamp(at("09:15")): "own"}


async def test_on_a_colleagues_day_nothing_is_own(http: httpx.AsyncClient, clinic: Clinic) -> None:
    """The same person at another desk is free where the visit is, since it goes away."""
    async with clinic.database.connect() as connection:
        found = await connection.exec_driver_sql(
            "SELECT practitioner_id FROM doctors WHERE id = %s", (clinic.doctor_id,)
        )
        person = found.scalar_one()
    desk = await clinic.hire(practitioner_id=person)
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=desk)
    own = await clinic.book(at("09:30"))
    await clinic.book(at("10:00"))

    assert await day_of(http, desk, own) == clock("free", "free", "booked", "free")


async def test_what_does_not_stand_is_in_the_way_as_for_everybody(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    held = await clinic.hold(at("09:30"))

    assert await day_of(http, clinic.doctor_id, held) == clock("free", "held", "free", "free")


async def test_an_unknown_visit_is_said_to_be_unknown(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    asked = {"date": str(DAY), "moving": str(uuid4())}
    answer = await http.get(f"/doctors/{clinic.doctor_id}/schedule", params=asked)

    assert (answer.status_code, answer.json()["code"]) == (404, "appointment_not_found")


async def test_only_whoever_may_move_it_sees_the_day_without_it(
    signed_in_api: str, issuer: FakeIssuer, clinic: Clinic
) -> None:
    own = await clinic.book(at("09:30"))
    path = f"{signed_in_api}/doctors/{clinic.doctor_id}/schedule?date={DAY}&moving={own}"
    codes = []
    for token in (
        None,
        issuer.token(roles=["operations"]),
        issuer.token(roles=["patient"], patient_id=str(uuid4())),
        issuer.token(roles=["reception"], clinic_ids=[str(clinic.id)]),
    ):
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(timeout=20) as client:
            codes.append((await client.get(path, headers=headers)).status_code)

    assert codes == [401, 403, 404, 200]
