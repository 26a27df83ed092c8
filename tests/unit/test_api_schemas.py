"""How strictly a request is read."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import ValidationError

from api.http.rule_schemas import RulesBody
from api.http.schemas import CancelOrder, ExtendOrder, NewAppointment, parse_instant, parse_uuid
from domain.booking import CancelReason

ID = "3f2b9f6e-0c55-4f0e-9b3e-6a5b3c1d2e4f"


def wish(**changes: object) -> dict[str, object]:
    return {"patientId": ID, "doctorId": ID, "dateTime": "2027-03-01T09:00:00+03:00", **changes}


def test_a_wish_is_read_as_instants_in_utc() -> None:
    read = NewAppointment.model_validate(wish())

    assert read.patient_id == UUID(ID)
    assert read.date_time == datetime(2027, 3, 1, 6, tzinfo=UTC)
    assert read.date_time.tzinfo is UTC


@pytest.mark.parametrize("written", ["2027-03-01T06:00:00Z", "2027-03-01t06:00:00.000z"])
def test_the_same_instant_may_be_written_in_several_ways(written: str) -> None:
    assert parse_instant(written) == datetime(2027, 3, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2027-03-01T09:00:00",
        "2027-03-01 09:00:00Z",
        "2027-03-01T09:00Z",
        "2027-03-01",
        "20270301T090000Z",
        "2027-02-30T09:00:00Z",
        "2027-03-01T25:00:00Z",
        "2027-03-01T09:00:00+99:00",
        "1999-12-31T23:59:59Z",
        "2100-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+14:00",
        "2027-03-01T09:00:00Z\0",
        "\u0662027-03-01T09:00:00Z",
        "now",
        "",
        1_800_000_000,
        None,
        True,
    ],
)
def test_what_is_no_instant_of_our_years_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_instant(written)


@pytest.mark.parametrize(
    "written", ["", "1", ID[:-1], ID + "\0", f"{{{ID}}}", f"urn:uuid:{ID}", ID.replace("-", ""), 7]
)
def test_what_is_no_usual_uuid_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="must be a UUID"):
        parse_uuid(written)


@pytest.mark.parametrize("field", ["patientId", "doctorId", "dateTime"])
def test_every_field_of_a_wish_is_required(field: str) -> None:
    body = wish()
    del body[field]

    with pytest.raises(ValidationError, match=field):
        NewAppointment.model_validate(body)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        NewAppointment.model_validate(wish(status="confirmed"))


def test_a_field_has_one_name_only() -> None:
    body = wish()
    body["patient_id"] = body.pop("patientId")

    with pytest.raises(ValidationError):
        NewAppointment.model_validate(body)


def test_a_visit_is_cancelled_at_the_patients_request_unless_said_otherwise() -> None:
    assert CancelOrder.model_validate({}).reason is CancelReason.PATIENT_REQUEST
    assert CancelOrder.model_validate({"reason": "mistake"}).reason is CancelReason.MISTAKE


@pytest.mark.parametrize("reason", ["", "weather", 1, None, "mistake\0"])
def test_a_reason_is_one_of_the_codes(reason: object) -> None:
    with pytest.raises(ValidationError):
        CancelOrder.model_validate({"reason": reason})


@pytest.mark.parametrize("version", [0, -1, 2**31, True, 1.0, "1", None])
def test_a_version_is_a_positive_integer_of_the_database(version: object) -> None:
    with pytest.raises(ValidationError):
        ExtendOrder.model_validate({"version": version})


@pytest.mark.parametrize("name", ["", "sur\0gery", "surgery\n", "x" * 101])
def test_a_specialty_of_a_clinics_rules_is_a_name(name: str) -> None:
    with pytest.raises(ValidationError):
        RulesBody.model_validate({"specialties": {name: {"maxMoves": 1}}})
