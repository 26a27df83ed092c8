"""The demo clinic: four places in three time zones, their doctors and their patients."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from itertools import islice, product
from uuid import UUID, uuid5

from stack.seed_names import (
    ENGLISH_FAMILY,
    ENGLISH_GIVEN,
    RUSSIAN_FAMILY,
    RUSSIAN_MEN,
    RUSSIAN_WOMEN,
    in_latin,
)

DEMO = UUID("0b6f6e0e-3d52-5c0a-9a64-6a1c8f5f2c11")
"""Namespace of all demo ids: every seed gives a person the same id."""

RUSSIAN_PATIENTS = 240
ENGLISH_PATIENTS = 80

Span = tuple[time, time]
MORNING: Span = (time(8), time(14))
AFTERNOON: Span = (time(14), time(20))
SATURDAY: Span = (time(9), time(15))
DUTY: Span = (time(10), time(16))
# `time.min` as an end means midnight. A night shift is two spans, one for each date.
EVENING: Span = (time(20), time.min)
SMALL_HOURS: Span = (time.min, time(8))

Rota = tuple[tuple[Span, ...], ...]
"""The working hours of a week, Monday first, in the clinic's local time."""

LONG_DAYS: Rota = (*[(MORNING, (time(15), time(20)))] * 5, (SATURDAY,), (DUTY,))
EVEN: Rota = ((MORNING,), (AFTERNOON,), (MORNING,), (AFTERNOON,), (MORNING,), (SATURDAY,), ())
# Without Sunday duty this rota would have nobody from Saturday noon to Monday afternoon.
ODD: Rota = (
    *((AFTERNOON,), (MORNING,), (AFTERNOON,), (MORNING,), (AFTERNOON,)),
    *((SATURDAY,), (DUTY,)),
)
MORNINGS: Rota = (*[(MORNING,)] * 6, ())
AFTERNOONS: Rota = (*[(AFTERNOON,)] * 6, ())
NIGHTS: Rota = ((SMALL_HOURS, EVENING),) * 7

ROTAS = (LONG_DAYS, EVEN, ODD, MORNINGS, AFTERNOONS)
SPECIALTIES = (
    "general-practice",
    "cardiology",
    "paediatrics",
    "neurology",
    "dermatology",
    "otolaryngology",
    "gynaecology",
    "ophthalmology",
)
SLOT_MINUTES = (20, 30, 15, 40)


@dataclass(frozen=True, kw_only=True)
class Clinic:
    id: UUID
    name: str
    address: str
    time_zone: str
    phone: str


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """A doctor at one clinic. A person who works at two clinics is two doctors."""

    id: UUID
    practitioner_id: UUID
    full_name: str
    specialty: str
    clinic: Clinic
    slot_minutes: int
    rota: Rota


@dataclass(frozen=True, kw_only=True)
class Patient:
    id: UUID
    full_name: str
    phone: str
    email: str
    language: str


def _clinic(key: str, name: str, address: str, time_zone: str, phone: str) -> Clinic:
    identity = uuid5(DEMO, f"clinic:{key}")
    return Clinic(id=identity, name=name, address=address, time_zone=time_zone, phone=phone)


def _doctor(name: str, specialty: str, clinic: Clinic, minutes: int, rota: Rota) -> Doctor:
    return Doctor(
        id=uuid5(DEMO, f"doctor:{name}:{clinic.id}"),
        practitioner_id=uuid5(DEMO, f"practitioner:{name}"),
        full_name=name,
        specialty=specialty,
        clinic=clinic,
        slot_minutes=minutes,
        rota=rota,
    )


PONDS = _clinic(
    "ponds",
    "Приём на Чистых прудах",
    "Москва, Чистопрудный бульвар, 12",
    "Europe/Moscow",
    "+70000000101",
)
SOKOL = _clinic(
    "sokol",
    "Приём на Соколе, детская клиника",
    "Москва, Ленинградский проспект, 71",
    "Europe/Moscow",
    "+70000000102",
)
LIMASSOL = _clinic(
    "limassol",
    "Priyom Limassol · Приём в Лимасоле",
    "Makariou III Avenue 38, Limassol",
    "Asia/Nicosia",
    "+70000000103",
)
LONDON = _clinic(
    "london", "Priyom Marylebone", "27 Wimpole Street, London", "Europe/London", "+447700900999"
)
CLINICS = (PONDS, SOKOL, LIMASSOL, LONDON)

NAMED_DOCTORS = (
    _doctor("Соколова Марина Викторовна", "general-practice", PONDS, 20, LONG_DAYS),
    _doctor("Белов Сергей Петрович", "general-practice", PONDS, 20, EVEN),
    _doctor("Ким Александр Сергеевич", "cardiology", PONDS, 30, ODD),
    _doctor("Орлов Дмитрий Андреевич", "neurology", PONDS, 40, LONG_DAYS),
    # One person at two clinics: children in the morning, adults in the afternoon.
    _doctor("Фёдоров Илья Николаевич", "otolaryngology", PONDS, 15, AFTERNOONS),
    _doctor("Фёдоров Илья Николаевич", "otolaryngology", SOKOL, 15, MORNINGS),
    _doctor("Лебедева Анна Павловна", "paediatrics", SOKOL, 20, LONG_DAYS),
    _doctor("Николаиди Елена Георгиевна", "general-practice", LIMASSOL, 20, LONG_DAYS),
    _doctor("Захарова Татьяна Игоревна", "dermatology", LIMASSOL, 30, EVEN),
    _doctor("Христодулу Андреас", "dentistry", LIMASSOL, 40, MORNINGS),
    _doctor("Демченко Павел Олегович", "urgent-care", LIMASSOL, 15, NIGHTS),
    _doctor("Dr Sarah Whitfield", "general-practice", LONDON, 15, LONG_DAYS),
    _doctor("Dr James Okafor", "cardiology", LONDON, 30, ODD),
    _doctor("Dr Priya Raman", "paediatrics", LONDON, 20, EVEN),
)


def demo_doctors(count: int) -> list[Doctor]:
    """The named doctors, and generated ones up to `count`."""
    return [*NAMED_DOCTORS, *map(_generated, range(len(NAMED_DOCTORS), count))]


def _generated(number: int) -> Doctor:
    clinic = CLINICS[number % len(CLINICS)]
    return Doctor(
        id=uuid5(DEMO, f"doctor:{number}"),
        practitioner_id=uuid5(DEMO, f"practitioner:{number}"),
        full_name=_generated_name(number, clinic),
        specialty=SPECIALTIES[number // len(CLINICS) % len(SPECIALTIES)],
        clinic=clinic,
        slot_minutes=SLOT_MINUTES[number // 3 % len(SLOT_MINUTES)],
        rota=ROTAS[number % len(ROTAS)],
    )


def _generated_name(number: int, clinic: Clinic) -> str:
    """The steps are coprime to the lengths of the lists, so neighbours differ in every part."""
    if clinic is LONDON:
        given = ENGLISH_GIVEN[number * 7 % len(ENGLISH_GIVEN)]
        return f"Dr {given} {ENGLISH_FAMILY[number * 3 % len(ENGLISH_FAMILY)]}"
    his, hers = RUSSIAN_FAMILY[number * 7 % len(RUSSIAN_FAMILY)]
    father = RUSSIAN_MEN[number * 11 % len(RUSSIAN_MEN)]
    if number % 2:
        return f"{his} {RUSSIAN_MEN[number * 3 % len(RUSSIAN_MEN)].given} {father.son}"
    return f"{hers} {RUSSIAN_WOMEN[number * 3 % len(RUSSIAN_WOMEN)]} {father.daughter}"


def demo_patients() -> list[Patient]:
    """The same people in the same order, every time."""
    russian = islice(_russian_names(), RUSSIAN_PATIENTS)
    english = islice(_english_names(), ENGLISH_PATIENTS)
    return [
        *(_russian_patient(number, name) for number, name in enumerate(russian)),
        *(_english_patient(number, name) for number, name in enumerate(english)),
    ]


def _russian_names() -> Iterator[tuple[str, str]]:
    """Given name and family name, women and men by turns."""
    for step, (position, (his, hers)) in product(
        range(len(RUSSIAN_MEN)), enumerate(RUSSIAN_FAMILY)
    ):
        turn = step + position
        if turn % 2:
            yield RUSSIAN_MEN[turn * 3 % len(RUSSIAN_MEN)].given, his
        else:
            yield RUSSIAN_WOMEN[turn * 3 % len(RUSSIAN_WOMEN)], hers


def _english_names() -> Iterator[tuple[str, str]]:
    for step, (position, family) in product(range(len(ENGLISH_GIVEN)), enumerate(ENGLISH_FAMILY)):
        yield ENGLISH_GIVEN[(step + position) * 7 % len(ENGLISH_GIVEN)], family


def _russian_patient(number: int, name: tuple[str, str]) -> Patient:
    given, family = name
    return Patient(
        id=uuid5(DEMO, f"patient:ru:{number}"),
        full_name=f"{family} {given}",
        # +7 000 is not assigned, so no real phone rings.
        phone=f"+7000{1_000_000 + number}",
        email=f"{in_latin(given)}.{in_latin(family)}.{number + 1}@example.org",
        language="ru",
    )


def _english_patient(number: int, name: tuple[str, str]) -> Patient:
    given, family = name
    return Patient(
        id=uuid5(DEMO, f"patient:en:{number}"),
        full_name=f"{given} {family}",
        # Ofcom reserves 07700 900000 to 900999 for fiction.
        phone=f"+447700900{number:03}",
        email=f"{in_latin(given)}.{in_latin(family)}.{number + 1}@example.com",
        language="en",
    )
