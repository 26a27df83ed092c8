"""Every statement is answered by an index: a booking costs the same in a clinic of many years."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Select, event, text

from adapters.postgres import booking_facts as facts
from adapters.postgres import directory, take
from adapters.postgres.acting import told
from adapters.postgres.database import Database
from domain.actors import SYSTEM
from tests.integration.indexes import (
    BY,
    IN_THEIR_ORDER,
    NO_QUERY,
    OF_PATIENT,
    READ_WHOLE,
    SAME,
    SMALL_TABLES,
)
from tests.integration.plans import Plan, PlanMode, pages_read, plan_of, statements
from tests.integration.years import AS_THEY_ARE, HOLDS, clinic_of_years

pytestmark = pytest.mark.unmeasured

MORE_OF_AN_INDEX = 40
"""Pages: an index that has grown has more of them on the way down."""


@pytest.fixture(scope="module")
def visits(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--visits"))


@pytest.fixture(scope="module")
async def years(clinic_database: Database, visits: int) -> AsyncIterator[Database]:
    async with clinic_of_years(clinic_database, visits=visits) as database:
        yield database


def test_every_statement_is_looked_at() -> None:
    assert set(statements()) == set(BY) | NO_QUERY


@pytest.mark.parametrize("name", sorted(BY))
async def test_a_statement_is_answered_by_its_index(years: Database, name: str) -> None:
    async with years.connect() as connection:
        plan = await plan_of(connection, statements()[name])

    assert plan.read_whole <= SMALL_TABLES | READ_WHOLE.get(name, set()), plan.steps
    assert indexes_of(plan, name) == BY[name], plan.steps
    assert not plan.walked or name in IN_THEIR_ORDER, plan.steps


async def test_pages_of_doctors_are_read_in_the_order_of_their_index(years: Database) -> None:
    """Of three thousand doctors as few are looked at as are shown."""
    place = directory.After(name="K", id=UUID(int=0))
    with queries_of(years) as asked:
        async with years.connect() as connection:
            await directory.list_doctors(connection, limit=20)
            await directory.list_doctors(connection, limit=20, after=place)
            [some, *_] = await directory.list_specialties(connection, limit=1)
            await directory.list_doctors(connection, limit=20, specialty=some.name)
    async with years.connect() as connection:
        plans = [await plan_of(connection, each) for each in asked]

    first, behind, specialties, of_specialty = plans
    assert first.indexes >= {"doctors_alphabet_idx"}, first.steps
    assert behind.indexes >= {"doctors_alphabet_idx"}, behind.steps
    assert specialties.indexes == {"doctors_specialty_idx"}, specialties.steps
    assert "doctors" not in first.read_whole | behind.read_whole | of_specialty.read_whole


async def test_the_years_are_as_the_product_leaves_them(years: Database, visits: int) -> None:
    """Written at once, without foreign keys: they hold all the same."""
    async with years.connect() as connection:
        await connection.execute(text("SET statement_timeout = 0"))
        found = await connection.execute(
            text(
                "SELECT count(*) AS rows, count(*) FILTER (WHERE NOT EXISTS ("
                "  SELECT FROM shifts w WHERE w.doctor_id = s.doctor_id AND w.during @> s.during"
                ")) AS outside, count(DISTINCT status) AS kinds FROM schedules s"
                " WHERE ends_at < clock_timestamp()"
            )
        )
        await connection.execute(text("RESET ALL"))

    assert found.one() == (visits, 0, 3)


async def test_holds_of_others_cost_a_hold_nothing(years: Database) -> None:
    """Not even those of every other doctor at the very time, of which the planner never heard.

    Neither the plan that is made for these values nor the one for any reads their rows.
    """
    wish = await a_wish(years)
    before = {mode: await pages_of_a_hold(years, wish, mode) for mode in PlanMode}

    async with years.connect() as connection:
        await connection.execute(text(AS_THEY_ARE))
        opened = await connection.execute(HOLDS, wish)
        await connection.execute(text("RESET ALL"))
    after = {mode: await pages_of_a_hold(years, wish, mode) for mode in PlanMode}

    assert opened.rowcount > 2000
    for mode in PlanMode:
        assert after[mode] <= before[mode] + MORE_OF_AN_INDEX, f"{before} pages, then {after}"


def indexes_of(plan: Plan, name: str) -> set[str]:
    """Of a doubt it does not matter by which index it is known to be open, nor how a clinic is.

    A patient's few visits are found by either of two indexes that begin with the patient.
    """
    found = {SAME.get(each, each) for each in plan.indexes - {"clinics_pkey"}}
    if "doubts that are open" in BY[name] and "events_in_doubt_settled_idx" in found:
        return found - {"events_in_doubt_settled_idx"} | {"doubts that are open"}
    if BY[name] >= OF_PATIENT and "schedules_patient_free" in found:
        return found - ({"schedules_patient_free"} - BY[name]) | OF_PATIENT
    return found


@contextmanager
def queries_of(database: Database) -> Iterator[list[Select[Any]]]:
    """What is asked in other than written words."""
    asked: list[Select[Any]] = []

    def note(*given: object) -> None:
        asked.extend(each for each in given if isinstance(each, Select))

    event.listen(database.engine.sync_engine, "before_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine.sync_engine, "before_execute", note)


async def a_wish(database: Database) -> dict[str, object]:
    """Of a slot that nobody has, for somebody with visits behind."""
    async with database.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT w.doctor_id, d.practitioner_id, d.clinic_id, lower(w.during) AS starts_at,"
                " (SELECT patient_id FROM schedules LIMIT 1) AS patient_id"
                " FROM shifts w JOIN doctors d ON d.id = w.doctor_id"
                " WHERE lower(w.during) > clock_timestamp() LIMIT 1"
            )
        )
        wish = dict(found.mappings().one())
    ends_at = wish["starts_at"] + timedelta(minutes=30)
    made = {
        "appointment_id": uuid4(),
        "ends_at": ends_at,
        "hold_seconds": 600,
        "origin": "patient",
        "service_id": None,
        "holder": None,
        "overbook": False,
        "actor": told(SYSTEM),
    }
    return wish | made


async def pages_of_a_hold(database: Database, wish: dict[str, object], mode: PlanMode) -> int:
    """The look at the facts and the statement that takes the slot."""
    async with database.connect() as connection:
        await connection.execution_options(isolation_level="READ COMMITTED")
        both = (facts.LOOK, take.TAKE_SLOT)
        for each in both:  # what a connection reads once, of the catalogue
            await pages_read(connection, each, wish, mode)
        return sum([await pages_read(connection, each, wish, mode) for each in both])
