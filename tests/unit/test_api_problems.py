"""What each refusal becomes as an answer."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from api.http.problems import KINDS, FieldError, Malformed, malformed, problem_of, unavailable
from domain.booking import Alternative, Refusal
from domain.errors import (
    REFUSALS,
    AlreadyHeld,
    SlotTaken,
    TooManyHolds,
    VersionMismatch,
    refused,
)

ID = UUID("3f2b9f6e-0c55-4f0e-9b3e-6a5b3c1d2e4f")
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
STATUSES = {
    "idempotency_key_reused": 422,
    "doctor_not_found": 404,
    "patient_not_found": 404,
    "appointment_not_found": 404,
    "notice_not_found": 404,
    "message_not_found": 404,
    "clinic_not_found": 404,
    "service_not_found": 404,
    "exception_not_found": 404,
    "campaign_not_found": 404,
    "import_not_found": 404,
    "visits_affected": 409,
    "not_a_slot": 422,
    "already_held": 409,
    "already_booked": 409,
    "too_many_holds": 429,
    "patient_busy": 409,
    "slot_taken": 409,
    "not_confirmed": 409,
    "wrong_state": 409,
    "rule": 409,
    "other_specialty": 422,
    "hold_expired": 410,
    "already_cancelled": 409,
    "already_confirmed": 409,
    "extension_limit": 409,
    "changed": 409,
    "too_late": 409,
    "proxy_not_found": 404,
    "patient_exists": 409,
    "has_visits": 409,
    "version_mismatch": 422,
}


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_every_refusal_has_its_status_and_a_sentence(code: str) -> None:
    problem = problem_of(refused(Refusal(code=code)))

    assert problem.http_status == STATUSES[code]
    assert problem.document()["type"] == f"/problems/{problem.code}"
    assert str(problem.document()["detail"]).endswith((".", "again.", "clinic."))


def test_every_kind_of_problem_can_be_explained() -> None:
    assert all(kind.title and kind.advice for kind in KINDS.values())
    assert set(REFUSALS) - set(KINDS) == {VersionMismatch.code}


def test_a_taken_slot_comes_with_alternatives_even_if_there_are_none() -> None:
    other = Alternative(doctor_id=ID, starts_at=NOON, ends_at=NOON)

    with_one = problem_of(SlotTaken(Refusal(code="slot_taken", alternatives=[other])))
    with_none = problem_of(SlotTaken())

    assert with_one.document()["alternatives"] == [
        {"doctorId": str(ID), "dateTime": "2027-03-01T12:00:00Z", "endsAt": "2027-03-01T12:00:00Z"}
    ]
    assert with_none.document()["alternatives"] == []


def test_an_own_hold_is_named() -> None:
    held = Refusal(code="already_held", appointment_id=ID, held_until=NOON)

    document = problem_of(AlreadyHeld(held)).document()

    assert document["appointmentId"] == str(ID)
    assert document["heldUntil"] == "2027-03-01T12:00:00Z"


def test_too_many_holds_says_when_to_come_back() -> None:
    refusal = Refusal(code="too_many_holds", retry_after_seconds=42)

    assert problem_of(TooManyHolds(refusal)).headers == {"retry-after": "42"}


def test_an_outdated_version_is_a_malformed_field() -> None:
    document = problem_of(VersionMismatch()).document()

    assert document["code"] == "malformed"
    assert document["errors"] == [
        {
            "field": "version",
            "message": "The appointment has changed since this version: read it again.",
        }
    ]


def test_one_malformed_field_is_named() -> None:
    problem = Malformed("cursor", "must be `next` of an earlier page")

    assert problem.http_status == 422
    assert problem.document()["errors"] == [
        {"field": "cursor", "message": "must be `next` of an earlier page"}
    ]


def test_a_body_that_is_no_json_is_a_400() -> None:
    problem = malformed([FieldError(field="body", message="is not JSON")], status=400)

    assert (problem.http_status, problem.document()["status"]) == (400, 400)


def test_an_unknown_outcome_names_the_appointment_only_if_something_was_begun() -> None:
    assert unavailable(appointment_id=ID).document()["appointmentId"] == str(ID)
    assert "appointmentId" not in unavailable().document()
    assert "retry-after" in unavailable().headers
