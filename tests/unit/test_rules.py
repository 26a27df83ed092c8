"""May this patient hold this slot? The rules, in the order in which they refuse."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from domain.booking import Status
from domain.errors import (
    AlreadyBooked,
    AlreadyCancelled,
    AlreadyHeld,
    DoctorNotFound,
    HoldExpired,
    NotASlot,
    PatientBusy,
    PatientNotFound,
    Refused,
    SlotTaken,
    TooManyHolds,
)
from domain.rules import DoctorGrid, Facts, LetGo, LiveRow, SlotWish, check_rules, refuse_ended
from domain.slot import Interval
from tests.builders import ANNA, CLINIC, DR_KIM, MONDAY_NINE, an_appointment

HALF_AN_HOUR = timedelta(minutes=30)
KIM_THE_PERSON = uuid4()
KIMS_DESK = DoctorGrid(
    doctor_id=DR_KIM,
    practitioner_id=KIM_THE_PERSON,
    clinic_id=CLINIC,
    slot_minutes=30,
    zone=ZoneInfo("Europe/London"),
)
NINE_TO_HALF_PAST = Interval(starts_at=MONDAY_NINE, ends_at=MONDAY_NINE + HALF_AN_HOUR)
ANNAS_WISH = SlotWish(patient_id=ANNA, doctor_id=DR_KIM, starts_at=MONDAY_NINE, max_holds=3)
A_FREE_MORNING = Facts(
    now=MONDAY_NINE - timedelta(days=1),
    desk=KIMS_DESK,
    patient_exists=True,
    shifts=[Interval(starts_at=MONDAY_NINE, ends_at=MONDAY_NINE + timedelta(hours=3))],
    rows=[],
    live_holds=0,
    first_lapse=None,
)
SOMEBODY_ELSES = LiveRow(
    appointment_id=uuid4(),
    patient_id=uuid4(),
    doctor_id=DR_KIM,
    practitioner_id=KIM_THE_PERSON,
    status=Status.CONFIRMED,
    during=NINE_TO_HALF_PAST,
    held_until=None,
)
ANNAS_HOLD = replace(
    SOMEBODY_ELSES,
    patient_id=ANNA,
    status=Status.HELD,
    held_until=MONDAY_NINE - timedelta(hours=23),
)
ANNA_ELSEWHERE = replace(ANNAS_HOLD, doctor_id=uuid4(), practitioner_id=uuid4())


def refused_with(*rows: LiveRow, **changes: object) -> Refused:
    facts = replace(A_FREE_MORNING, rows=list(rows), **changes)  # type: ignore[arg-type]
    with pytest.raises(Refused) as refused:
        check_rules(ANNAS_WISH, facts)
    return refused.value


def test_a_free_slot_is_granted_with_its_end() -> None:
    assert check_rules(ANNAS_WISH, A_FREE_MORNING) == (KIMS_DESK, NINE_TO_HALF_PAST)


def test_a_doctor_or_a_patient_that_does_not_exist_is_refused() -> None:
    assert isinstance(refused_with(desk=None), DoctorNotFound)
    assert isinstance(refused_with(patient_exists=False), PatientNotFound)


@pytest.mark.parametrize(
    "changes", [{"shifts": []}, {"now": MONDAY_NINE}], ids=["off duty", "begun"]
)
def test_a_time_off_duty_or_in_the_past_is_no_slot(changes: dict[str, object]) -> None:
    assert isinstance(refused_with(**changes), NotASlot)


def test_another_patients_visit_takes_the_slot() -> None:
    assert isinstance(refused_with(SOMEBODY_ELSES), SlotTaken)


def test_a_visit_of_the_same_person_at_another_desk_takes_the_slot() -> None:
    assert isinstance(refused_with(replace(SOMEBODY_ELSES, doctor_id=uuid4())), SlotTaken)


def test_a_visit_that_ends_when_the_slot_begins_is_in_nobodys_way() -> None:
    before = Interval(starts_at=MONDAY_NINE - HALF_AN_HOUR, ends_at=MONDAY_NINE)
    facts = replace(A_FREE_MORNING, rows=[replace(SOMEBODY_ELSES, during=before)])

    assert check_rules(ANNAS_WISH, facts)[1] == NINE_TO_HALF_PAST


def test_the_own_hold_of_this_slot_is_named() -> None:
    refused = refused_with(ANNAS_HOLD)

    assert isinstance(refused, AlreadyHeld)
    assert refused.refusal.appointment_id == ANNAS_HOLD.appointment_id
    assert refused.refusal.held_until == ANNAS_HOLD.held_until


def test_the_own_visit_in_this_slot_is_named() -> None:
    refused = refused_with(replace(ANNAS_HOLD, status=Status.CONFIRMED))

    assert isinstance(refused, AlreadyBooked)
    assert refused.refusal.held_until is None


def test_the_patients_visit_elsewhere_comes_before_the_slot_being_taken() -> None:
    refused = refused_with(SOMEBODY_ELSES, ANNA_ELSEWHERE)

    assert isinstance(refused, PatientBusy)
    assert refused.refusal.appointment_id == ANNA_ELSEWHERE.appointment_id


def test_too_many_holds_say_when_the_first_of_them_lapses() -> None:
    soon = A_FREE_MORNING.now + timedelta(seconds=90)

    refused = refused_with(ANNA_ELSEWHERE, live_holds=3, first_lapse=soon)

    assert isinstance(refused, TooManyHolds)
    assert refused.refusal.retry_after_seconds == 91


def test_holds_of_one_subject_are_counted_whomever_they_are_for() -> None:
    soon = A_FREE_MORNING.now + timedelta(seconds=30)

    refused = refused_with(subject_holds=3, subject_first_lapse=soon)

    assert isinstance(refused, TooManyHolds)
    assert refused.refusal.retry_after_seconds == 31


@pytest.mark.parametrize("let_go", [LetGo(times=2, lapses=2), LetGo(times=5)])
def test_a_slot_that_was_let_go_again_and_again_waits_as_long_as_a_hold_lasts(
    let_go: LetGo,
) -> None:
    before = replace(let_go, last=A_FREE_MORNING.now - timedelta(seconds=100))
    long_before = replace(let_go, last=A_FREE_MORNING.now - timedelta(seconds=600))

    refused = refused_with(let_go=before)

    assert isinstance(refused, TooManyHolds)
    assert refused.refusal.retry_after_seconds == 501
    assert check_rules(ANNAS_WISH, replace(A_FREE_MORNING, let_go=long_before))
    assert check_rules(replace(ANNAS_WISH, by_staff=True), replace(A_FREE_MORNING, let_go=before))


def test_a_first_lapse_and_a_change_of_mind_are_forgiven() -> None:
    let_go = LetGo(times=4, lapses=1, last=A_FREE_MORNING.now)

    assert check_rules(ANNAS_WISH, replace(A_FREE_MORNING, let_go=let_go))


def test_the_own_hold_of_this_slot_is_named_even_at_the_cap() -> None:
    refused = refused_with(ANNAS_HOLD, live_holds=3, first_lapse=MONDAY_NINE)

    assert isinstance(refused, AlreadyHeld)


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(Status.EXPIRED, HoldExpired), (Status.CANCELLED, AlreadyCancelled)],
)
def test_what_has_ended_goes_no_further(status: Status, refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        refuse_ended(an_appointment(status=status))


def test_on_top_of_others_a_slot_can_be_held_on_purpose() -> None:
    taken = replace(A_FREE_MORNING, rows=[SOMEBODY_ELSES])
    on_purpose = replace(ANNAS_WISH, overbook=True)
    own = replace(SOMEBODY_ELSES, patient_id=ANNA, doctor_id=uuid4())

    assert check_rules(on_purpose, taken)[1] == NINE_TO_HALF_PAST
    with pytest.raises(PatientBusy):
        check_rules(on_purpose, replace(taken, rows=[own]))
