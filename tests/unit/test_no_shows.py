"""What missed appointments count for, until when, and what the next one leads to."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.clinic_rules import NO_RULES, ClinicRules
from domain.durations import parse_duration
from domain.errors import RuleForbids
from domain.no_shows import Missed, missed, refuse_missed
from domain.rules import check_rules, check_target
from tests.builders import CLINIC, MONDAY_NINE
from tests.unit.test_rules import A_FREE_MORNING, ANNAS_WISH

LONDON = ZoneInfo("Europe/London")
A_MONTH = parse_duration("P30D")
TWO_A_MONTH = ClinicRules(max_no_shows=2, no_shows_within=A_MONTH)
NOW = A_FREE_MORNING.now


def days_ago(*days: int) -> tuple[datetime, ...]:
    return tuple(NOW - timedelta(days=each) for each in days)


def counted(rules: ClinicRules, *days: int) -> Missed:
    found = missed(rules, days_ago(*days), now=NOW, zone=LONDON)
    assert found is not None
    return found


def test_a_clinic_without_the_rule_counts_nothing() -> None:
    assert missed(NO_RULES, days_ago(1, 2, 3), now=NOW, zone=LONDON) is None
    refuse_missed(None)


def test_what_is_missed_counts_so_long_and_no_longer() -> None:
    found = counted(TWO_A_MONTH, 29, 30, 31)

    assert found.counted == 1
    assert found.desk_until is None
    assert counted(TWO_A_MONTH, 30).counted == 0


def test_before_the_last_one_that_counts_its_end_is_known() -> None:
    three = replace(TWO_A_MONTH, max_no_shows=3)

    assert counted(TWO_A_MONTH, 10).desk_if_once_more == NOW + timedelta(days=20)
    assert counted(three, 10, 5).desk_if_once_more == NOW + timedelta(days=20)
    assert counted(three, 10).desk_if_once_more is None, "two more are needed"
    assert counted(TWO_A_MONTH).desk_if_once_more is None
    assert counted(TWO_A_MONTH, 10, 5).desk_if_once_more is None, "it has come so already"
    assert counted(replace(TWO_A_MONTH, max_no_shows=1)).desk_if_once_more is None


def test_the_desk_alone_books_until_too_few_are_left_that_count() -> None:
    assert counted(TWO_A_MONTH, 5, 10).desk_until == NOW + timedelta(days=20)
    assert counted(TWO_A_MONTH, 5, 10, 15).desk_until == NOW + timedelta(days=20)
    assert counted(TWO_A_MONTH, 5, 40).desk_until is None


def test_a_hold_is_refused_with_the_limit_and_what_counts_and_staff_pass() -> None:
    facts = replace(A_FREE_MORNING, rules=TWO_A_MONTH, missed=days_ago(3, 4, 5, 90))

    with pytest.raises(RuleForbids) as refused:
        check_rules(ANNAS_WISH, facts)

    told = refused.value.refusal
    assert (told.rule, told.limit, told.now) == ("maxNoShows", 2, 3)
    assert check_rules(replace(ANNAS_WISH, passes_rules=True), facts)
    assert check_rules(ANNAS_WISH, replace(facts, missed=days_ago(3, 90)))


def test_a_visit_that_stands_is_moved_at_its_clinic_all_the_same() -> None:
    facts = replace(A_FREE_MORNING, rules=TWO_A_MONTH, missed=days_ago(3, 4))

    assert check_target(replace(ANNAS_WISH, stands_at=CLINIC), facts)
    with pytest.raises(RuleForbids):
        check_target(replace(ANNAS_WISH, stands_at=ANNAS_WISH.doctor_id), facts)
    assert MONDAY_NINE > NOW
