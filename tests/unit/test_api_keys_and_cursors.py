"""Ids that come from keys, and cursors."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from api.booking.idempotency import appointment_id_of
from api.http.cursors import Place, cursor_of, place_of
from api.http.problems import Malformed

SECRET, OTHER_SECRET = b"s" * 32, b"o" * 32
ANNA, BORIS = UUID(int=1), UUID(int=2)


def test_the_same_key_of_the_same_patient_is_the_same_appointment() -> None:
    assert appointment_id_of(SECRET, ANNA, "k") == appointment_id_of(SECRET, ANNA, "k")


def test_keys_are_scoped_to_the_patient_and_to_the_secret() -> None:
    ids = {
        appointment_id_of(SECRET, ANNA, "k"),
        appointment_id_of(SECRET, BORIS, "k"),
        appointment_id_of(SECRET, ANNA, "K"),
        appointment_id_of(OTHER_SECRET, ANNA, "k"),
    }

    assert len(ids) == 4
    assert {each.version for each in ids} == {4}


def test_without_a_key_every_appointment_is_a_new_one() -> None:
    assert appointment_id_of(SECRET, ANNA, None) != appointment_id_of(SECRET, ANNA, None)


def test_a_cursor_leads_back_to_its_place() -> None:
    place = Place(instant=datetime(2027, 3, 1, 9, 0, 0, 123456, tzinfo=UTC), id=ANNA)

    assert place_of(cursor_of(place, of="visits"), of="visits") == place
    assert place_of(None, of="visits") is None


def test_a_cursor_of_one_list_is_none_of_another() -> None:
    place = Place(instant=datetime(2027, 3, 1, 9, tzinfo=UTC), id=ANNA)

    with pytest.raises(Malformed):
        place_of(cursor_of(place, of="visits"), of="notices")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "zz",
        "\0",
        "я",
        "A" * 32,
        "A" * 36,
        "A" * 40,
        "A" * 10_000,
        "f" + "_" * 35,
        "/" * 36,
        "AAAA\nAAAA" * 4,
    ],
)
def test_what_is_no_cursor_of_ours_is_malformed(cursor: str) -> None:
    with pytest.raises(Malformed):
        place_of(cursor, of="visits")


@pytest.mark.parametrize("year", [1, 1969, 2102, 9999])
def test_a_cursor_of_a_time_that_no_list_has_is_malformed(year: int) -> None:
    forged = cursor_of(Place(instant=datetime(year, 1, 1, tzinfo=UTC), id=ANNA), of="visits")

    with pytest.raises(Malformed):
        place_of(forged, of="visits")
