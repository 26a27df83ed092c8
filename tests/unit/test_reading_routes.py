"""How a reader's validators, dates and cursors are understood."""

from datetime import date
from uuid import UUID

import pytest

from adapters.postgres.directory import After
from adapters.process.breaker import FAILURES_IN_A_ROW, PAUSE_SECONDS, Breaker
from api.http.dates import parse_date
from api.http.etags import knows
from api.http.name_cursors import cursor_after, place_after
from api.http.problems import Malformed

DR_KIM = UUID("00000000-0000-4000-8000-0000000000d1")


@pytest.mark.parametrize("known", ['"a"', 'W/"a"', '"b", "a"', 'W/"b",W/"a"', "*", " * "])
def test_a_body_is_known_by_any_of_the_tags_weak_or_strong(known: str) -> None:
    assert knows(known, '"a"')


@pytest.mark.parametrize("other", ["", '"b"', "a", '"a', '"ab"'])
def test_a_body_is_not_known_by_another_tag(other: str) -> None:
    assert not knows(other, '"a"')


def test_a_date_is_read_in_one_form() -> None:
    assert parse_date("2027-03-01") == date(2027, 3, 1)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "20270301",
        "2027-W01-1",
        "2027-02-30",
        "1999-12-31",
        "2101-01-01",
        "\u0662\u0660\u0662\u0667-03-01",
        7,
    ],
)
def test_another_date_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_date(bad)


@pytest.mark.parametrize("name", ["Kim", "Ким, «доктор»", "", '"'])
def test_a_cursor_leads_back_to_its_place(name: str) -> None:
    cursor = cursor_after(name, DR_KIM, of="doctors")

    assert place_after(cursor, of="doctors") == After(name=name, id=DR_KIM)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "x",
        "WyJhIl0=",
        "é",
        "bnVsbA==",
        cursor_after("a", of="doctors") + "=",
        cursor_after("a", of="clinics"),
    ],
)
def test_a_cursor_that_is_not_of_this_list_is_malformed(bad: str) -> None:
    with pytest.raises(Malformed):
        place_after(bad, of="doctors")


def test_no_cursor_is_the_first_page() -> None:
    assert place_after(None, of="doctors") is None


def test_a_server_that_fails_in_a_row_is_left_alone_and_tried_by_one_after_a_pause() -> None:
    breaker = Breaker()

    began = [breaker.failed(0.0) for _ in range(FAILURES_IN_A_ROW)]

    assert began == [False, False, True]
    assert not breaker.lets_through(PAUSE_SECONDS / 2)
    assert breaker.lets_through(PAUSE_SECONDS)
    assert not breaker.lets_through(PAUSE_SECONDS)
    assert breaker.succeeded()
    assert breaker.lets_through(PAUSE_SECONDS)
    assert not breaker.succeeded()
