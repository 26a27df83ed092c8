"""Signed links to a visit, and the forms of their pages."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from domain.visit_links import (
    VisitLink,
    form_token,
    is_form_of,
    link_key,
    link_to,
    read_token,
    token_of,
)

KEY = link_key(b"x" * 32)
NOW = datetime(2030, 1, 14, 9, tzinfo=UTC)


def a_link(version: int = 2) -> VisitLink:
    return VisitLink(appointment_id=uuid4(), version=version, until=date(2030, 1, 15))


@pytest.mark.parametrize("version", [1, 70_000])
def test_a_token_says_what_it_was_signed_for_in_forty_letters(version: int) -> None:
    link = a_link(version)
    token = token_of(KEY, link)

    assert read_token(KEY, token) == link
    assert len(token) == 40


def test_a_link_is_open_for_a_day_after_the_visit() -> None:
    assert link_to(uuid4(), 2, NOW).until == date(2030, 1, 15)


def test_what_was_changed_cut_or_signed_by_another_key_is_no_token() -> None:
    token = token_of(KEY, a_link())
    forged = ("A" if token[0] != "A" else "B") + token[1:]

    for bad in (forged, token[:-4], token + "AAAA", "", "é" * 40, "x", "!" * 40):
        assert read_token(KEY, bad) is None
    assert read_token(link_key(b"y" * 32), token) is None


def test_a_form_is_of_one_link_and_of_one_day() -> None:
    token = token_of(KEY, a_link())
    form = form_token(KEY, token, now=NOW)

    assert is_form_of(KEY, token, form, now=NOW + timedelta(hours=23))
    assert not is_form_of(KEY, token, form, now=NOW + timedelta(hours=24))
    assert not is_form_of(KEY, token_of(KEY, a_link()), form, now=NOW)
    for bad in ("", ".", "9999999999." + form.partition(".")[2], "é.é"):
        assert not is_form_of(KEY, token, bad, now=NOW)


def test_a_visit_that_ended_before_there_were_links_has_one_that_is_over() -> None:
    link = link_to(uuid4(), 2, datetime(2011, 1, 14, 9, tzinfo=UTC))

    assert link.until == date(2020, 1, 1)
    assert read_token(KEY, token_of(KEY, link)) == link
