"""After an erase the person is found in no table, whatever was written of them before."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from psycopg.sql import SQL, Identifier

from adapters.postgres.end import confirm_appointment
from adapters.postgres.patients import change, register
from adapters.postgres.removing_patients import erase
from adapters.postgres.seeing import Sees
from domain.actors import ActorRef, Role
from domain.errors import HoldExpired
from domain.patients import Patient, Person
from tests.clinic_rows import Clinic, at

DESK = ActorRef(id="desk", role=Role.RECEPTION)
TABLES = SQL("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")


async def found_in(clinic: Clinic, needles: list[str]) -> set[str]:
    """The tables that have one of these words in any row."""
    found = set()
    async with clinic.database.lend() as connection:
        for (table,) in await (await connection.execute(TABLES)).fetchall():
            asked = SQL("SELECT FROM {} t WHERE t::text ~* ANY(%s) LIMIT 1").format(
                Identifier(table)
            )
            if (await connection.execute(asked, [needles])).rowcount:
                found.add(table)
    return found


async def test_an_erased_person_is_found_in_no_table(clinic: Clinic) -> None:
    mark = uuid4().hex[:12]
    person = Person(
        full_name=f"Anna {mark}",
        phone=f"+7916{int(mark[:6], 16) % 10**7:07}",
        email=f"{mark}@example.org",
        language="ru",
        birth_date=date(1931, 3, 17),
    )
    made = await register(clinic.database, person, DESK)
    moved = Person(**{**vars(person), "email": f"new-{mark}@example.org"})
    await change(
        clinic.database,
        Patient(patient_id=made.patient_id, person=moved, version=made.version),
        DESK,
        sees=Sees.just([made.patient_id]),
    )
    visit = await clinic.hold(at("09:00"), patient_id=made.patient_id)
    await clinic.becomes(visit, "confirmed")
    await clinic.becomes(visit, "cancelled")
    await clinic.execute(
        "INSERT INTO accounts (issuer, subject, patient_id) VALUES ('i', :subject, :patient)",
        subject=f"subject-{uuid4()}",
        patient=made.patient_id,
    )
    assert person.phone is not None
    needles = [mark, person.phone.removeprefix("+"), "1931-03-17"]
    before = await found_in(clinic, needles)

    await erase(clinic.database, made.patient_id, DESK)

    assert before == {"patients"}
    assert await found_in(clinic, needles) == set()


async def test_a_hold_that_lapsed_a_moment_ago_is_confirmed_for_nobody_who_was_erased(
    clinic: Clinic,
) -> None:
    patient_id = await clinic.patient()
    hold = await clinic.hold(at("09:00"), patient_id=patient_id, lasts=timedelta(0))

    await erase(clinic.database, patient_id, DESK)

    with pytest.raises(HoldExpired):
        await confirm_appointment(clinic.database, hold, DESK)
