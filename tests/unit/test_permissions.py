"""Who may do what, case by case as the contract's table has it."""

from uuid import UUID

import pytest

from domain.actors import ANYONE, Actor, Role
from domain.permissions import (
    RIGHTS,
    Action,
    Allowed,
    Answer,
    Forbidden,
    Hidden,
    Whose,
    may,
    may_ever,
    visible,
)

ANNA, CHILD, STRANGER = UUID(int=1), UUID(int=2), UUID(int=3)
DR_KIM, DR_LEE = UUID(int=11), UUID(int=12)
RIVER, HILL = UUID(int=21), UUID(int=22)

PATIENT = Actor(
    subject="anna", roles=frozenset({Role.PATIENT}), patient_id=ANNA, proxy_for=frozenset({CHILD})
)
RECEPTION = Actor(subject="rita", roles=frozenset({Role.RECEPTION}), clinic_ids=frozenset({RIVER}))
DOCTOR = Actor(subject="kim", roles=frozenset({Role.DOCTOR}), practitioner_id=DR_KIM)
MANAGER = Actor(subject="mia", roles=frozenset({Role.MANAGER}), clinic_ids=frozenset({RIVER}))
OPERATIONS = Actor(subject="oleg", roles=frozenset({Role.OPERATIONS}))
NEWCOMER = Actor(subject="new", roles=frozenset({Role.PATIENT}))
NOBODY = Actor(subject="no role", roles=frozenset())

ANNAS = Whose(patient_id=ANNA, practitioner_id=DR_KIM, clinic_id=RIVER)
CHILDS = Whose(patient_id=CHILD, practitioner_id=DR_KIM, clinic_id=RIVER)
ELSEWHERE = Whose(patient_id=STRANGER, practitioner_id=DR_LEE, clinic_id=HILL)

YES, NO, HIDDEN = "yes", "403", "404"


def told(answer: Answer) -> str:
    match answer:
        case Allowed():
            return YES
        case Forbidden():
            return NO
        case Hidden():
            return HIDDEN


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        # patient, reception, doctor, manager, operations; each of one's own, then of another's
        (Action.BOOK, [(YES, HIDDEN), (YES, NO), (NO, NO), (YES, NO), (NO, NO)]),
        (Action.CHANGE_VISIT, [(YES, HIDDEN), (YES, HIDDEN), (NO, NO), (YES, HIDDEN), (NO, NO)]),
        (Action.EXCHANGE_VISITS, [(NO, NO), (YES, HIDDEN), (NO, NO), (YES, HIDDEN), (NO, NO)]),
        (Action.READ_VISIT, [(YES, HIDDEN), (YES, HIDDEN), (YES, HIDDEN), (YES, HIDDEN), (NO, NO)]),
        (Action.LIST_VISITS, [(YES, HIDDEN), (YES, HIDDEN), (YES, YES), (YES, HIDDEN), (NO, NO)]),
        (Action.READ_PATIENT, [(YES, HIDDEN), (YES, YES), (YES, HIDDEN), (YES, YES), (NO, NO)]),
        (Action.CHANGE_PATIENT, [(YES, HIDDEN), (YES, YES), (NO, NO), (YES, YES), (NO, NO)]),
        (Action.READ_CONSENTS, [(YES, HIDDEN), (YES, YES), (NO, NO), (YES, YES), (NO, NO)]),
        (Action.REMOVE_PATIENT, [(NO, NO), (NO, NO), (NO, NO), (YES, YES), (NO, NO)]),
        (Action.FIND_PATIENTS, [(NO, NO), (YES, YES), (NO, NO), (YES, YES), (NO, NO)]),
        (Action.MARK_ATTENDANCE, [(NO, NO), (YES, HIDDEN), (YES, HIDDEN), (YES, HIDDEN), (NO, NO)]),
        (Action.NOTICES, [(NO, NO), (YES, HIDDEN), (YES, HIDDEN), (YES, HIDDEN), (NO, NO)]),
        (Action.READ_IMPORT, [(NO, NO), (YES, HIDDEN), (YES, HIDDEN), (YES, HIDDEN), (NO, NO)]),
        (Action.READ_CLINIC, [(NO, NO), (YES, NO), (YES, NO), (YES, NO), (NO, NO)]),
        (Action.CHANGE_CLINIC, [(NO, NO), (NO, NO), (NO, NO), (YES, NO), (NO, NO)]),
        (Action.ASK_EXCEPTION, [(NO, NO), (NO, NO), (YES, NO), (YES, NO), (NO, NO)]),
        (Action.READ_CAMPAIGN, [(NO, NO), (YES, HIDDEN), (YES, HIDDEN), (YES, HIDDEN), (NO, NO)]),
        (Action.RUN_CAMPAIGN, [(NO, NO), (NO, NO), (NO, NO), (YES, HIDDEN), (NO, NO)]),
        (Action.CHANGE_RULES, [(NO, NO), (NO, NO), (NO, NO), (YES, HIDDEN), (NO, NO)]),
        (Action.SEE_DESK, [(NO, NO), (YES, HIDDEN), (NO, NO), (YES, HIDDEN), (NO, NO)]),
        (Action.CLOSE_HOURS, [(NO, NO), (YES, NO), (NO, NO), (YES, NO), (NO, NO)]),
        (Action.OPERATIONS, [(NO, NO), (NO, NO), (NO, NO), (YES, HIDDEN), (YES, YES)]),
        (Action.METRICS, [(NO, NO), (NO, NO), (NO, NO), (YES, YES), (YES, YES)]),
        (Action.AUDIT, [(YES, HIDDEN), (NO, NO), (NO, NO), (YES, HIDDEN), (YES, YES)]),
    ],
)
def test_each_role_may_what_the_table_says(action: Action, expected: list[tuple[str, str]]) -> None:
    callers = (PATIENT, RECEPTION, DOCTOR, MANAGER, OPERATIONS)

    answers = [
        (told(may(caller, action, ANNAS)), told(may(caller, action, ELSEWHERE)))
        for caller in callers
    ]

    assert answers == expected


def test_a_list_is_asked_for_before_it_is_known_whose_its_rows_are() -> None:
    assert may(RECEPTION, Action.LIST_VISITS, Whose(patient_id=STRANGER)) == Allowed(
        role=Role.RECEPTION, scope=RIGHTS[Action.LIST_VISITS][Role.RECEPTION]
    )


def test_a_patient_acts_for_those_it_is_a_proxy_for() -> None:
    assert may(PATIENT, Action.BOOK, CHILDS) == Allowed(
        role=Role.PATIENT, scope=RIGHTS[Action.BOOK][Role.PATIENT]
    )


@pytest.mark.parametrize("action", [a for a in RIGHTS if a is not Action.SEE_SELF])
def test_somebody_without_a_role_may_nothing(action: Action) -> None:
    assert not may_ever(NOBODY, action)
    assert may(NOBODY, action, ANNAS) == Forbidden()


def test_a_patient_without_a_record_owns_nothing() -> None:
    assert may(NEWCOMER, Action.READ_VISIT, Whose()) == Hidden()


@pytest.mark.parametrize("action", list(RIGHTS))
def test_whoever_calls_may_everything_where_nobody_signs_in(action: Action) -> None:
    assert may_ever(ANYONE, action)
    assert may(ANYONE, action, ELSEWHERE) == Allowed(role=Role.OPERATOR)
    assert visible(ANYONE, action).everything


def test_somebody_of_two_roles_acts_in_the_one_that_may() -> None:
    both = Actor(
        subject="rita",
        roles=frozenset({Role.RECEPTION, Role.PATIENT}),
        patient_id=ANNA,
        clinic_ids=frozenset({HILL}),
    )

    assert both.role is Role.RECEPTION
    assert may(both, Action.READ_VISIT, ANNAS) == Allowed(
        role=Role.PATIENT, scope=RIGHTS[Action.READ_VISIT][Role.PATIENT]
    )


def test_a_list_is_narrowed_to_what_each_row_would_be_allowed_for() -> None:
    patient, desk, doctor = (
        visible(caller, Action.LIST_VISITS) for caller in (PATIENT, RECEPTION, DOCTOR)
    )

    assert (patient.everything, patient.patient_ids) == (False, frozenset({ANNA, CHILD}))
    assert (desk.everything, desk.clinic_ids, desk.patient_ids) == (
        False,
        RECEPTION.clinic_ids,
        PATIENT.clinic_ids,
    )
    assert (doctor.everything, doctor.practitioner_ids) == (False, frozenset({DR_KIM}))


def test_a_doctor_whom_the_issuer_does_not_know_by_id_sees_no_days() -> None:
    stray = Actor(subject="kim", roles=frozenset({Role.DOCTOR}))

    assert visible(stray, Action.LIST_VISITS).practitioner_ids == frozenset()
    assert may(stray, Action.READ_VISIT, Whose()) == Hidden()


@pytest.mark.parametrize(
    ("actor", "shown"),
    [(PATIENT, str(ANNA)), (DOCTOR, str(DR_KIM))],
)
def test_what_runs_keep_of_an_actor_is_the_clinics_own_id(actor: Actor, shown: str) -> None:
    assert (actor.ref.id, actor.ref.role) == (shown, actor.role)


@pytest.mark.parametrize("actor", [RECEPTION, MANAGER, OPERATIONS, NEWCOMER])
def test_the_name_that_the_issuer_has_for_somebody_stays_out_of_runs(actor: Actor) -> None:
    assert actor.subject not in actor.ref.id
    assert UUID(actor.ref.id).version == 5


def test_a_patients_command_is_the_patients_where_nobody_signs_in() -> None:
    assert ANYONE.ref_for(ANNA).role is Role.PATIENT
    assert ANYONE.ref_for(ANNA).id == str(ANNA)
    assert ANYONE.ref.role is Role.OPERATOR
    assert PATIENT.ref_for(CHILD) == PATIENT.ref
