"""How soon a patient's answer to another time is needed, and what a visit without a row keeps."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.campaign import answer_within
from domain.imports import Kind, Wrong, refuse_bad_file, rows_of
from tests.builders import an_appointment

HOUR = timedelta(hours=1)
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("ahead", "within"),
    [
        (30 * DAY, 2 * DAY),
        (7 * DAY, 2 * DAY),
        (6 * DAY, DAY),
        (2 * DAY, DAY),
        (30 * HOUR, 6 * HOUR),
        (DAY, 6 * HOUR),
        (8 * HOUR, HOUR),
        (2 * HOUR, HOUR / 2),
    ],
)
def test_the_nearer_the_visit_the_sooner_the_answer_is_needed(
    ahead: timedelta, within: timedelta
) -> None:
    assert answer_within(ahead) == within


def test_of_a_visit_that_is_about_to_begin_the_answer_has_the_shortest_time() -> None:
    assert answer_within(timedelta(minutes=1)) == answer_within(timedelta()) > timedelta()


def test_an_appointment_without_a_row_keeps_no_minutes() -> None:
    assert an_appointment(ends_at=None).kept_minutes is None


def test_lines_of_json_have_no_head_and_are_judged_one_by_one() -> None:
    content = b"{}"

    refuse_bad_file(content, Kind.FHIR)
    [row] = rows_of(content, Kind.FHIR, ZoneInfo("UTC"))

    assert isinstance(row, Wrong)
