"""Rows of a file: each is read, or says what is wrong with it and what to do."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.imports import Imports
from adapters.postgres.database import Database
from domain.imports import BadFile, Kind, Opening, Visit, Wrong, refuse_bad_file, rows_of


class NamesSomebody(Database):
    """Where a bug has somebody's name in its text."""

    def __init__(self) -> None:
        """Nothing is opened."""

    def lend(self, sees: object = None) -> Any:
        raise LookupError("Maria Ivanova, +79161234567", sees)


LONDON = ZoneInfo("Europe/London")
HEAD = "external_id;doctor;starts_at;ends_at;patient_name\r\n"
GOOD = "A-1;Dr Kim;2027-07-01T09:00;2027-07-01T10:00;Anna\r\n"

APPOINTMENT: dict[str, Any] = {
    "resourceType": "Appointment",
    "id": "F-1",
    "status": "booked",
    "start": "2027-07-01T09:00:00Z",
    "end": "2027-07-01T10:00:00Z",
    "participant": [
        {"actor": {"reference": "Practitioner/7"}},
        {"actor": {"reference": "Patient/8", "display": "Anna"}},
        {"type": []},
    ],
}


def read_csv(written: str) -> list[object]:
    return list(rows_of(written.encode(), Kind.CSV, LONDON))


def read_fhir(*resources: object) -> list[Any]:
    written = "\n\n".join(each if isinstance(each, str) else json.dumps(each) for each in resources)
    return list(rows_of(written.encode(), Kind.FHIR, LONDON))


def reason(resource: object) -> str:
    [row] = read_fhir(resource)
    assert isinstance(row, Wrong)
    return row.reason


def test_a_row_of_csv_is_by_the_clocks_of_the_clinic() -> None:
    [visit] = read_csv("\ufeff" + HEAD + "\r\n" + GOOD)

    assert visit == Visit(
        line=3,
        external_id="A-1",
        doctor="Dr Kim",
        starts_at=datetime(2027, 7, 1, 8, tzinfo=UTC),
        ends_at=datetime(2027, 7, 1, 9, tzinfo=UTC),
        name="Anna",
        phone="",
        email="",
        status="confirmed",
    )


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (GOOD.replace("Anna", "A" * 201), "patient_name"),
        (GOOD.replace("2027", "2327"), "starts_at: must be in the years"),
        (GOOD.replace("T10:00", "T19:00"), "ends_at"),
        (GOOD.replace(";Anna", ""), "has 4 columns, and the first line 5"),
    ],
)
def test_a_row_says_what_is_wrong_with_it(row: str, told: str) -> None:
    [wrong] = read_csv(HEAD + row)

    assert isinstance(wrong, Wrong)
    assert told in wrong.reason


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("status", "maybe", "status: must be one of"),
        ("patient_email", "anna at home", "patient_email: is no e-mail address"),
        ("patient_email", "a\0b@x.ru", "patient_email: is no e-mail address"),
        ("patient_email", "a" * 250 + "@x.ru", "patient_email: is no e-mail address"),
    ],
)
def test_a_column_that_may_be_left_out_says_what_is_wrong_with_it(
    column: str, value: str, told: str
) -> None:
    [wrong] = read_csv(
        HEAD.replace("\r\n", f";{column}\r\n") + GOOD.replace("\r\n", f";{value}\r\n")
    )

    assert isinstance(wrong, Wrong)
    assert told in wrong.reason


@pytest.mark.parametrize("value", ["a\0b@x.ru", "a\ud800b@x.ru"])
def test_an_email_of_fhir_that_no_text_can_hold_says_what_is_wrong_with_it(value: str) -> None:
    patient = {"id": "p1", "telecom": [{"system": "email", "value": value}]}
    told_by = [APPOINTMENT["participant"][0], {"actor": {"reference": "#p1"}}]

    told = reason(APPOINTMENT | {"contained": [patient], "participant": told_by})

    assert told.startswith("patient_email: is no e-mail address")


@pytest.mark.parametrize("value", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-10:00"])
def test_a_time_at_either_end_of_the_calendar_is_wrong_and_the_next_row_is_read(value: str) -> None:
    wrong, good = read_csv(HEAD + GOOD.replace("2027-07-01T09:00", value) + GOOD)

    assert wrong == Wrong(line=2, reason="starts_at: must be in the years 2000 to 2099")
    assert isinstance(good, Visit)


def test_an_id_that_stands_twice_is_taken_once_and_says_where_it_stood() -> None:
    good, wrong = read_csv(HEAD + GOOD + GOOD.replace("Anna", "Boris"))

    assert isinstance(good, Visit)
    assert wrong == Wrong(line=3, reason="external_id: stands on line 2 already")


@pytest.mark.parametrize("written", [b"", b"a,b\n", b'"external_id', b"\xff\xfe"])
def test_what_is_no_csv_is_a_bad_file(written: bytes) -> None:
    with pytest.raises(BadFile):
        refuse_bad_file(written, Kind.CSV)


def test_a_quote_that_is_not_closed_ends_the_file_with_a_word_about_it() -> None:
    good, wrong = read_csv(HEAD + GOOD + 'A-2;"Dr')

    assert isinstance(good, Visit)
    assert isinstance(wrong, Wrong)
    assert "is no CSV" in wrong.reason


def test_an_appointment_names_its_doctor_and_its_patient() -> None:
    [visit] = read_fhir(APPOINTMENT)

    assert isinstance(visit, Visit)
    assert (visit.doctor, visit.name, visit.stamp) == ("7", "Anna", None)


def test_a_contained_patient_may_be_named_as_one_text_or_in_parts() -> None:
    contained = [{"id": "p1", "name": [{"text": "Anna P"}], "telecom": []}]
    participants = [APPOINTMENT["participant"][0], {"actor": {"reference": "#p1"}}]

    [visit] = read_fhir(APPOINTMENT | {"contained": contained, "participant": participants})
    nameless = APPOINTMENT | {"contained": [{"id": "p1"}], "participant": participants}

    assert isinstance(visit, Visit)
    assert visit.name == "Anna P"
    [in_parts] = read_fhir(
        APPOINTMENT
        | {
            "contained": [{"id": "p1", "name": [{"given": ["Anna", "M"], "family": "P"}]}],
            "participant": participants,
        }
    )
    assert in_parts.name == "Anna M P"
    assert reason(nameless) == "patient_name: is missing"


def test_a_slot_offers_its_time_or_not() -> None:
    slot = {
        "resourceType": "Slot",
        "schedule": {"reference": "Schedule/7"},
        "start": "2027-07-01T09:00:00Z",
        "end": "2027-07-01T10:00:00Z",
    }

    free, busy = read_fhir(slot | {"status": "free"}, slot | {"status": "busy"})

    assert isinstance(free, Opening)
    assert (free.doctor, free.is_free, busy.is_free) == ("7", True, False)


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        ("{", "is no JSON"),
        ("[]", "is not of the form of a resource"),
        ({"resourceType": "Patient"}, "resourceType"),
        (APPOINTMENT | {"participant": []}, "participant: must name a Practitioner"),
        (APPOINTMENT | {"participant": {}}, "is not of the form of a resource"),
        (APPOINTMENT | {"status": "proposed"}, "status"),
        (APPOINTMENT | {"start": 7}, "starts_at"),
    ],
)
def test_a_line_that_is_no_such_resource_says_why(resource: object, told: str) -> None:
    assert told in reason(resource)


async def test_the_text_of_a_fault_stays_with_the_file_and_its_type_is_told() -> None:
    importing = Imports(NamesSomebody()).import_rows

    with pytest.raises(ApplicationError) as fault:
        await ActivityEnvironment().run(importing, UUID(int=1))

    assert fault.value.type == "LookupError"
    assert "Maria" not in str(fault.value)
    assert fault.value.__suppress_context__
