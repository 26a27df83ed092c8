"""The slots that benchmarks ask for: each once, and no patient in two places at once."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

from bench.free_slots import Shift, matched

NINE = datetime(2027, 3, 1, 9, tzinfo=UTC)


def shift(doctor: str, *, minutes: int = 20, hours: int = 1, zone: str = "UTC") -> Shift:
    return Shift(
        doctor_id=doctor,
        starts_at=NINE,
        ends_at=NINE + timedelta(hours=hours),
        slot_minutes=minutes,
        time_zone=zone,
    )


def test_every_slot_of_every_shift_is_asked_for_once_while_there_are_patients() -> None:
    found = matched([shift("one"), shift("two", minutes=30)], ["a", "b"])

    slots = [(doctor, instant) for _, doctor, instant in found]
    assert len(slots) == len(set(slots)) == 5
    assert ("two", "2027-03-01T09:30:00Z") in slots


def test_no_patient_has_two_visits_that_overlap() -> None:
    minutes = {"one": 20, "two": 30, "three": 40, "four": 15}
    shifts = [shift(name, minutes=length, hours=3) for name, length in minutes.items()]

    found = matched(shifts, ["a", "b", "c"])

    visits = [
        (patient, begin, begin + timedelta(minutes=minutes[doctor]))
        for patient, doctor, instant in found
        for begin in [datetime.fromisoformat(instant)]
    ]
    assert len({patient for patient, _, _ in visits}) == 3
    for (one, begin, end), (other, later_begin, later_end) in combinations(visits, 2):
        assert one != other or end <= later_begin or later_end <= begin


def test_a_slot_that_nobody_is_free_for_is_left_out() -> None:
    found = matched([shift("one"), shift("two")], ["a"])

    assert len(found) == 3
    assert {patient for patient, _, _ in found} == {"a"}
