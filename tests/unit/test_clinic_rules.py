"""A clinic's rules: whom they bind, and what they say with their no."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from domain.actors import SYSTEM, ActorRef, Role
from domain.clinic_rules import (
    NO_RULES,
    ClinicRules,
    RuledVisit,
    passes_rules,
    refuse_cancelling,
    refuse_moving,
    rules_document,
    rules_of,
)
from domain.durations import parse_duration
from domain.errors import AlreadyHeld, PatientBusy, RuleForbids
from domain.rules import check_rules, check_target
from tests.builders import CLINIC, MONDAY_NINE
from tests.unit.test_rules import A_FREE_MORNING, ANNA_ELSEWHERE, ANNAS_HOLD, ANNAS_WISH

TWO_DAYS = parse_duration("P2D")
TOMORROW = RuledVisit(
    starts_at=MONDAY_NINE,
    moves=1,
    now=MONDAY_NINE - timedelta(days=1),
    zone=ZoneInfo("Europe/London"),
    rules=NO_RULES,
)
LATE = ClinicRules(book_notice=TWO_DAYS)
NEAR = ClinicRules(horizon=parse_duration("PT23H"))
ONE_VISIT = ClinicRules(max_live_per_patient=1)


def told(error: RuleForbids) -> tuple[str | None, str | int | None, str | int | None]:
    return error.refusal.rule, error.refusal.limit, error.refusal.now


def test_a_specialty_has_its_own_in_the_place_of_the_clinics_rules() -> None:
    kept = {
        "bookNotice": "P2D",
        "maxMoves": 1,
        "maxLivePerPatient": 2,
        "specialties": {"surgery": {"bookNotice": None, "horizon": "P30D"}},
    }

    everybody, surgeons, others = (rules_of(kept, each) for each in (None, "surgery", "therapy"))

    assert (everybody.book_notice, everybody.horizon) == (TWO_DAYS, None)
    assert others == everybody
    assert (surgeons.book_notice, surgeons.horizon) == (None, parse_duration("P30D"))
    assert (surgeons.max_moves, surgeons.max_live_per_patient) == (1, 2)
    assert rules_of(rules_document(everybody)) == everybody


@pytest.mark.parametrize(
    ("rules", "live", "why"),
    [
        (LATE, 0, ("bookNotice", "P2D", "P1D")),
        (NEAR, 0, ("horizon", "PT23H", "P1D")),
        (ONE_VISIT, 1, ("maxLivePerPatient", 1, 1)),
    ],
)
def test_a_rule_refuses_a_hold_with_its_limit(
    rules: ClinicRules, live: int, why: tuple[str, str | int, str | int]
) -> None:
    facts = replace(A_FREE_MORNING, rules=rules, live_visits=live)

    with pytest.raises(RuleForbids) as refused:
        check_rules(ANNAS_WISH, facts)

    assert told(refused.value) == why
    assert check_rules(replace(ANNAS_WISH, passes_rules=True), facts)


def test_a_rule_stands_between_ones_own_slot_and_what_is_in_the_way() -> None:
    own = replace(A_FREE_MORNING, rules=LATE, rows=[ANNAS_HOLD])
    busy = replace(A_FREE_MORNING, rules=LATE, rows=[ANNA_ELSEWHERE])

    with pytest.raises(AlreadyHeld):
        check_rules(ANNAS_WISH, own)
    with pytest.raises(RuleForbids):
        check_rules(ANNAS_WISH, busy)
    with pytest.raises(PatientBusy):
        check_rules(replace(ANNAS_WISH, passes_rules=True), busy)


def test_a_visit_that_moves_within_its_clinic_is_no_further_one() -> None:
    facts = replace(A_FREE_MORNING, rules=ONE_VISIT, live_visits=1)

    assert check_target(replace(ANNAS_WISH, stands_at=CLINIC), facts)
    with pytest.raises(RuleForbids):
        check_target(replace(ANNAS_WISH, stands_at=uuid4()), facts)


def test_what_is_just_in_time_is_allowed() -> None:
    rules = ClinicRules(book_notice=parse_duration("P1D"), horizon=parse_duration("P1D"))

    assert check_rules(ANNAS_WISH, replace(A_FREE_MORNING, rules=rules))
    refuse_cancelling(replace(TOMORROW, rules=ClinicRules(cancel_notice=parse_duration("P1D"))))
    refuse_moving(replace(TOMORROW, rules=ClinicRules(max_moves=2)))


def test_a_visit_is_cancelled_and_moved_in_time() -> None:
    with pytest.raises(RuleForbids) as late_cancel:
        refuse_cancelling(replace(TOMORROW, rules=ClinicRules(cancel_notice=TWO_DAYS)))
    with pytest.raises(RuleForbids) as late_move:
        refuse_moving(replace(TOMORROW, rules=ClinicRules(move_notice=TWO_DAYS)))
    with pytest.raises(RuleForbids) as too_often:
        refuse_moving(replace(TOMORROW, rules=ClinicRules(max_moves=1)))

    assert told(late_cancel.value) == ("cancelNotice", "P2D", "P1D")
    assert told(late_move.value) == ("moveNotice", "P2D", "P1D")
    assert told(too_often.value) == ("maxMoves", 1, 1)


@pytest.mark.parametrize(
    ("role", "reason", "passes"),
    [
        (Role.RECEPTION, "other", True),
        (Role.RECEPTION, None, False),
        (Role.OPERATOR, "mistake", True),
        (Role.PATIENT, "other", False),
    ],
)
def test_staff_pass_with_a_reason(role: Role, reason: str | None, *, passes: bool) -> None:
    assert passes_rules(ActorRef(id="a", role=role), reason) is passes
    assert passes_rules(SYSTEM, None)


def test_rules_are_kept_as_they_are_read() -> None:
    rules = ClinicRules(
        book_notice=TWO_DAYS,
        max_moves=0,
        reminders=(),
        no_show_after=TWO_DAYS,
        max_no_shows=3,
        no_shows_within=TWO_DAYS,
        offer_lasts=TWO_DAYS,
    )

    assert rules_of(rules_document(rules)) == rules
    assert rules_of(None) == rules_of({}) == NO_RULES
    assert [each.written for each in NO_RULES.reminders] == ["P3D", "P1D"]
