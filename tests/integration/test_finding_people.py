# ruff: noqa: RUF001 - names of several alphabets
"""The reception finds who is meant, and lists stand in the order of the alphabet."""

from functools import partial
from uuid import UUID, uuid4

import pytest

from adapters.postgres.directory import After, list_doctors
from adapters.postgres.patients import find_patients
from adapters.postgres.reads import read
from tests.clinic_rows import Clinic, a_name, at

NAMES = {
    "Семёнова Алёна": "+7 900 111-22-33",
    "Müller Jürgen": "+49 30 901820",
    "O’Neill Sinéad": "+353 1 555 0142",
    "Иванов Фёдор": "+7 901 234-56-78",
    "Straße Élodie": "+33 1 5550 1942",
}


@pytest.fixture
async def mark() -> str:
    return a_name()[:6]


@pytest.fixture
async def patients(clinic: Clinic, mark: str) -> dict[str, UUID]:
    made = {name: uuid4() for name in NAMES}
    for name, key in made.items():
        await clinic.execute(
            "INSERT INTO patients (id, full_name, phone, email)"
            " VALUES (:id, :name, :phone, :email)",
            id=key,
            name=f"{name} {mark}",
            phone=NAMES[name],
            email=f"{key.hex}@example.org",
        )
    return made


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("семенова алена", "Семёнова Алёна"),
        ("АЛЕНА СЕМЕНОВА", "Семёнова Алёна"),
        ("muller", "Müller Jürgen"),
        ("Mu\u0308ller", "Müller Jürgen"),
        ("o'neill", "O’Neill Sinéad"),
        ("oneill sinead", "O’Neill Sinéad"),
        ("strasse elodie", "Straße Élodie"),
        ("ivanov", "Иванов Фёдор"),
        ("Ивонов", "Иванов Фёдор"),
        ("  иванов \u00a0 федор ", "Иванов Фёдор"),
        ("9012345678", "Иванов Фёдор"),
        ("89012345678", "Иванов Фёдор"),
        ("030901820", "Müller Jürgen"),
        ("0049-30-901820", "Müller Jürgen"),
    ],
)
async def test_a_patient_is_found_however_the_name_is_typed(
    typed: str, name: str, clinic: Clinic, patients: dict[str, UUID], mark: str
) -> None:
    found = await read(clinic.database, lambda c: find_patients(c, f"{typed} {mark}", limit=50))

    assert [each.patient_id for each in found] == [patients[name]]


async def test_a_patient_is_found_by_the_number_of_a_visit(
    clinic: Clinic, patients: dict[str, UUID]
) -> None:
    visit = await clinic.hold(at("09:00"), patient_id=patients["Müller Jürgen"])

    found = await read(clinic.database, lambda c: find_patients(c, str(visit)[:8].upper(), limit=5))

    assert [each.patient_id for each in found] == [patients["Müller Jürgen"]]


async def test_a_number_is_found_as_it_is_dialled_at_home(
    clinic: Clinic, patients: dict[str, UUID]
) -> None:
    dialled = partial(find_patients, sought="8 (901) 234-56-78", limit=50)
    elsewhere = partial(find_patients, sought="8 901 234-56-79", limit=50)

    found = {each.patient_id for each in await read(clinic.database, dialled)}
    others = {each.patient_id for each in await read(clinic.database, elsewhere)}

    assert patients["Иванов Фёдор"] in found
    assert patients["Иванов Фёдор"] not in others


async def test_digits_among_letters_are_no_part_of_a_telephone_number(
    clinic: Clinic, patients: dict[str, UUID]
) -> None:
    by_number = await read(clinic.database, partial(find_patients, sought="9012345678", limit=50))
    among = await read(clinic.database, partial(find_patients, sought="9012a345b678", limit=50))

    assert patients["Иванов Фёдор"] in {each.patient_id for each in by_number}
    assert patients["Иванов Фёдор"] not in {each.patient_id for each in among}


@pytest.mark.parametrize("typed", ["", "   ", "\u00a0"])
async def test_a_blank_search_finds_nobody(
    typed: str, clinic: Clinic, patients: dict[str, UUID]
) -> None:
    assert patients
    assert await read(clinic.database, lambda c: find_patients(c, typed, limit=5)) == []


async def test_doctors_stand_in_the_order_of_the_alphabet_page_by_page(clinic: Clinic) -> None:
    specialty = uuid4().hex
    names = ["Ängström", "de la Cruz", "Zimmer", "Абрамов", "Егоров", "Ёлкина", "Жуков", "Иконин"]
    names += ["Йорданов", "Яшина"]
    for name in reversed(names):
        key = await clinic.hire(specialty=specialty)
        await clinic.execute("UPDATE doctors SET full_name = :n WHERE id = :id", n=name, id=key)

    told: list[str] = []
    after: After | None = None
    while len(told) < len(names):
        ask = partial(list_doctors, limit=3, specialty=specialty, after=after)
        page = await read(clinic.database, ask)
        told += [doctor.name for doctor in page]
        after = After(name=page[-1].name, id=page[-1].doctor_id)

    assert told == names
