"""Behind a transaction pooler: nobody meets what another caller left on a connection."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg.sql import SQL
from sqlalchemy import text

from activities.appointments import Appointments
from activities.slots import Slots
from adapters.postgres.database import Database, connect_database
from adapters.postgres.direct import cursor
from adapters.postgres.reads import read_by_cursor
from adapters.postgres.seeing import EVERYBODY, Sees
from domain.booking import Appointment, Status
from tests.behind_pooler import pooled
from tests.builders import a_cancellation, a_move
from tests.clinic_rows import Clinic, at, open_clinic
from tests.fakes.issuer import FakeIssuer
from tests.integration.conftest import as_application, serving_changed
from tests.integration.test_inbox import Inbox
from tests.integration.test_slots import a_wish

pytestmark = [pytest.mark.unmeasured, pytest.mark.timeout(300)]

CALLERS = 100
AT_ONCE = 20
"""Requests of theirs under way: more would only wait for the processor."""
SEEN = SQL("SELECT id FROM patients")


@pytest.fixture(scope="module")
async def pooler(
    clinic_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    folder = tmp_path_factory.mktemp("pooler")
    async with pooled(as_application(clinic_database.url), folder) as url:
        yield url


@pytest.fixture(scope="module")
async def behind(pooler: str) -> AsyncIterator[Database]:
    """More connections to the pooler than it has to PostgreSQL."""
    async with connect_database(pooler, pool_size=20, name="behind", pooled=True) as database:
        yield database


@pytest.fixture(scope="module")
async def api(
    pooler: str, clinic_database: Database, cache_url: str, issuer: FakeIssuer
) -> AsyncIterator[str]:
    named = {"sign_in": "on", "oidc_issuer": issuer.url, "rate_limit": "off"}
    async with serving_changed(
        clinic_database, cache_url, lambda services: services, pooler=pooler, **named
    ) as url:
        yield url


@dataclass(frozen=True, kw_only=True)
class House:
    """A clinic with one doctor, whose day is full."""

    id: UUID
    practitioner_id: UUID
    visits: dict[UUID, UUID]
    """By their patients."""


async def a_house(clinic: Clinic) -> House:
    practitioner = uuid4()
    doctor = await clinic.hire(practitioner_id=practitioner)
    await clinic.on_duty(at("09:00"), at("16:00"), doctor_id=doctor)
    visits = {}
    for half_hour in range(14):
        patient, begins = await clinic.patient(), at("09:00") + half_hour * timedelta(minutes=30)
        visits[patient] = await clinic.book(begins, doctor_id=doctor, patient_id=patient)
    return House(id=clinic.id, practitioner_id=practitioner, visits=visits)


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Callers of one API, each with a token of its own. What one is told wrongly is a sentence."""

    http: httpx.AsyncClient
    issuer: FakeIssuer

    async def listed(self, patient: UUID, role: str, **claims: Any) -> int | set[UUID]:
        """A patient's appointments, as this caller sees them, or why they are not told."""
        token = self.issuer.token("e1", sub=f"{role}-{uuid4()}", roles=[role], **claims)
        headers = {} if role == "nobody" else {"authorization": f"Bearer {token}"}
        answer = await self.http.get(f"/patients/{patient}/appointments", headers=headers)
        while answer.status_code == 503:  # so many at once on a slow machine: not yet
            await asyncio.sleep(0.1)
            answer = await self.http.get(f"/patients/{patient}/appointments", headers=headers)
        if answer.status_code != 200:
            return answer.status_code
        return {UUID(item["appointmentId"]) for item in answer.json()["items"]}

    def of_house(self, house: House, other: House) -> list[Awaitable[bool]]:
        patients, strangers = list(house.visits), list(other.visits)
        staff = {"clinic_ids": [str(house.id)]}
        doctor = {"practitioner_id": str(house.practitioner_id)}
        asked: list[Awaitable[bool]] = []
        for own, stranger in zip(patients, strangers, strict=True):
            visit, nothing = {house.visits[own]}, set[UUID]()
            asked += [
                _is(self.listed(own, "patient", patient_id=str(own)), visit),
                _is(self.listed(stranger, "patient", patient_id=str(own)), 404),
                _is(self.listed(own, "reception", **staff), visit),
                _is(self.listed(stranger, "reception", **staff), nothing),
                _is(self.listed(own, "doctor", **doctor), visit),
                _is(self.listed(stranger, "doctor", **doctor), nothing),
                _is(self.listed(own, "operations"), 403),
                _is(self.listed(own, "nobody"), 401),
            ]
        return asked

    def proxies(self, child: UUID, visit: UUID, mother: UUID, stranger: UUID) -> Awaitable[bool]:
        async def asks() -> bool:
            own = {"patient_id": str(mother)}
            return await _is(self.listed(child, "patient", **own), {visit}) and await _is(
                self.listed(stranger, "patient", **own), 404
            )

        return asks()


async def _is(told: Awaitable[int | set[UUID]], right: int | set[UUID]) -> bool:
    return await told == right


async def test_a_hundred_mixed_callers_see_nobody_elses_row(
    api: str, clinic: Clinic, issuer: FakeIssuer
) -> None:
    """Patients, proxies, staff of two clinics and nobody at once, on four connections."""
    here, there = await a_house(clinic), await a_house(await open_clinic(clinic.database))
    mother = await clinic.patient()
    for child in here.visits:
        await clinic.execute(
            "INSERT INTO proxies (id, patient_id, proxy_patient_id) VALUES (:id, :child, :mother)",
            id=uuid4(),
            child=child,
            mother=mother,
        )
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=api, timeout=120, limits=limits) as http:
        crowd = Crowd(http=http, issuer=issuer)
        stranger = next(iter(there.visits))
        asked = [
            *crowd.of_house(here, there),
            *crowd.of_house(there, here),
            *(crowd.proxies(*each, mother, stranger) for each in here.visits.items()),
        ]
        random.shuffle(asked)

        told = await asyncio.gather(*asked)

    assert len(told) > 2 * CALLERS
    assert all(told)


async def test_what_one_transaction_sees_the_next_one_on_its_connection_does_not(
    behind: Database, clinic: Clinic
) -> None:
    people = [await clinic.patient() for _ in range(CALLERS)]

    at_once = asyncio.Semaphore(AT_ONCE)  # a connection is waited for, but not for ever

    async def ids(sees: Sees | None) -> set[UUID]:
        async with at_once:
            rows = await read_by_cursor(behind, lambda each: each.all(SEEN, {}), sees)
        return {row["id"] for row in rows}

    async def sees_what_it_says(number: int, own: UUID) -> bool:
        match number % 3:
            case 0:
                return await ids(Sees.just([own])) == {own}
            case 1:
                return await ids(None) == set()
            case _:
                return set(people) <= await ids(EVERYBODY)

    told = await asyncio.gather(*(sees_what_it_says(*each) for each in enumerate(people * 2)))

    assert all(told)


async def test_visits_are_booked_moved_and_cancelled_at_once(
    behind: Database, clinic: Clinic
) -> None:
    slots, appointments = Slots(behind), Appointments(behind)
    wishes = [await a_wish(clinic, clock) for clock in ("09:00", "09:30", "10:00")]

    async def goes_through(number: int) -> Status:
        wish = wishes[number]
        await slots.hold_slot(wish)
        visit: Appointment = await appointments.confirm_appointment(wish)
        if number == len(wishes) - 1:
            visit = await appointments.move_appointment(a_move(visit))
        return (await appointments.cancel_appointment(a_cancellation(visit))).status

    ended = await asyncio.gather(*(goes_through(number) for number in range(len(wishes))))

    assert set(ended) == {Status.CANCELLED}
    async with clinic.database.connect() as connection:
        roles = await connection.execute(
            text("SELECT DISTINCT role FROM audit WHERE object = ANY(:visits)"),
            {"visits": [str(wish.appointment_id) for wish in wishes]},
        )
        assert set(roles.scalars()) == {"patient"}, "who acts is told in each transaction"


async def test_a_statement_is_run_whose_result_a_migration_has_changed(
    behind: Database, clinic: Clinic
) -> None:
    await clinic.execute("CREATE TABLE of_a_test AS SELECT 1 AS number")
    await clinic.execute("GRANT SELECT ON of_a_test TO PUBLIC")
    statement = SQL("SELECT * FROM of_a_test LIMIT %(number)s")

    async def asked() -> object:
        async with cursor(behind) as connection:
            return (await connection.one(statement, {"number": 1}))["number"]

    assert set(await asyncio.gather(*(asked() for _ in range(40)))) == {1}

    await clinic.execute("ALTER TABLE of_a_test ALTER COLUMN number TYPE text")

    assert set(await asyncio.gather(*(asked() for _ in range(40)))) == {"1"}
    await clinic.execute("DROP TABLE of_a_test")


async def test_a_doctor_hears_of_a_notice_at_once(
    api: str, clinic: Clinic, issuer: FakeIssuer
) -> None:
    """By a connection of its own: what a pooler is told to listen to nobody hears."""
    token = issuer.token("e1", sub="desk", roles=["reception"], clinic_ids=[str(clinic.id)])
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=api, headers=headers, timeout=30) as http:
        inbox = Inbox(http, clinic)
        async with inbox.streamed() as stream:
            first = await inbox.comes("09:00")
            assert (await stream.notice())[1] == str(first.appointment_id)
            second = await inbox.comes("09:30")
            async with asyncio.timeout(5):
                assert (await stream.notice())[1] == str(second.appointment_id)
