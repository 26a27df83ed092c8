"""The demo clinic is believable, and has room at any hour of any day."""

from bisect import bisect_left, bisect_right
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from domain.slot import Interval, slots_of
from stack.seed import shifts_from
from stack.seed_data import CLINICS, NAMED_DOCTORS, Doctor, demo_doctors, demo_patients

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
SPRING_FORWARD = datetime(2027, 3, 26, tzinfo=UTC)
"""The Friday before London and Limassol put their clocks on."""


def test_there_are_clinics_in_three_time_zones_of_which_two_change_their_clocks() -> None:
    zones = {clinic.time_zone for clinic in CLINICS}
    changing = {
        zone
        for zone in zones
        if len({datetime(2026, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7)})
        > 1
    }

    assert zones == {"Europe/Moscow", "Asia/Nicosia", "Europe/London"}
    assert changing == {"Asia/Nicosia", "Europe/London"}


def test_patients_are_many_and_never_mixed_up() -> None:
    patients = demo_patients()

    assert len(patients) >= 300
    for values in (
        {patient.id for patient in patients},
        {patient.email for patient in patients},
        {patient.phone for patient in patients},
        {patient.full_name for patient in patients},
    ):
        assert len(values) == len(patients)
    assert {patient.language for patient in patients} == {"ru", "en"}


def test_no_message_to_a_demo_patient_can_reach_a_stranger() -> None:
    for patient in demo_patients():
        assert patient.email.isascii()
        assert patient.email.endswith(("@example.org", "@example.com"))
        assert patient.phone.startswith(("+7000", "+447700900"))
        assert len(patient.phone.removeprefix("+")) in {11, 12}


def test_the_same_people_come_out_of_every_run() -> None:
    assert demo_patients() == demo_patients()
    assert demo_doctors(40) == demo_doctors(60)[:40]


def test_generated_doctors_are_all_different_desks() -> None:
    doctors = demo_doctors(2000)

    assert len({doctor.id for doctor in doctors}) == len(doctors) == 2000
    assert len({doctor.specialty for doctor in doctors}) >= 8
    assert Counter(doctor.clinic for doctor in doctors).keys() == set(CLINICS)


def test_one_person_works_at_two_clinics_but_never_at_the_same_time() -> None:
    persons = Counter(doctor.practitioner_id for doctor in NAMED_DOCTORS)
    shared = [doctor for doctor in NAMED_DOCTORS if persons[doctor.practitioner_id] == 2]

    assert len({doctor.clinic for doctor in shared}) == 2
    shifts = sorted(
        (s for doctor in shared for s in shifts_of(doctor, MONDAY)), key=lambda s: s.starts_at
    )
    assert not any(one.overlaps(after) for one, after in pairwise(shifts))


@pytest.mark.parametrize("week", [MONDAY, SPRING_FORWARD])
@pytest.mark.parametrize("doctor", demo_doctors(20), ids=lambda doctor: str(doctor.id))
def test_every_doctor_has_eight_slots_in_the_next_two_days_whatever_the_hour(
    doctor: Doctor, week: datetime
) -> None:
    zone = ZoneInfo(doctor.clinic.time_zone)
    begins = [
        slot.starts_at
        for shift in shifts_of(doctor, week)
        for slot in slots_of(shift, doctor.slot_minutes, zone)
    ]

    for now in (week + timedelta(hours=hour) for hour in range(7 * 24)):
        soon = bisect_left(begins, now + timedelta(days=2)) - bisect_right(begins, now)
        assert soon >= 8, f"{now:%A %H:%M} UTC"


def shifts_of(doctor: Doctor, now: datetime) -> list[Interval]:
    return list(shifts_from(now, 14, doctor.rota, ZoneInfo(doctor.clinic.time_zone)))
