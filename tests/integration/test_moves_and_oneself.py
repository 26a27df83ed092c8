"""A visit that moves stands neither in its own way nor in the count of its patient's visits."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.postgres.clinic_rules import write_rules
from domain.actors import ActorRef, Role
from domain.clinic_rules import ClinicRules
from tests.clinic_rows import Clinic, at
from tests.fakes.issuer import FakeIssuer
from tests.integration.test_setup import Desk

QUARTERS = "UPDATE doctors SET slot_minutes = 15 WHERE id = :id"


@pytest.fixture
async def desk(
    signed_in_working_api: str, issuer: FakeIssuer, clinic: Clinic
) -> AsyncIterator[Desk]:
    """Whose moves come to an end at once."""
    async with httpx.AsyncClient(base_url=signed_in_working_api, timeout=20) as http:
        yield Desk(http, issuer, clinic, f"manager-{uuid4()}")


async def asks(desk: Desk, patient: UUID, path: str, **wish: object) -> dict[str, Any]:
    """As the patient."""
    caller = desk.as_("patient", patient_id=str(patient))
    answer = await desk.http.post(f"/appointments{path}", json=wish, headers=caller)
    told: dict[str, Any] = answer.json()
    return told


async def test_half_an_hour_goes_a_quarter_on_with_the_same_doctor(desk: Desk) -> None:
    clinic, patient = desk.clinic, await desk.clinic.patient()
    await clinic.execute(QUARTERS, id=clinic.doctor_id)
    visit = await clinic.book(at("10:00"), patient_id=patient)

    moved = await asks(
        desk, patient, f"/{visit}/reschedule", dateTime=at("10:15").isoformat(), version=2
    )

    assert (moved.get("dateTime"), moved.get("endsAt")) == (
        "2030-01-14T07:15:00Z",
        "2030-01-14T07:45:00Z",
    ), moved
    assert moved["appointmentId"] == str(visit)


async def test_another_visit_of_ones_own_is_in_the_way_and_named(desk: Desk) -> None:
    clinic, patient = desk.clinic, await desk.clinic.patient()
    colleague = await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=colleague)
    visit = await clinic.book(at("09:00"), patient_id=patient)
    other = await clinic.book(at("10:00"), patient_id=patient, doctor_id=colleague)

    told = await asks(
        desk, patient, f"/{visit}/reschedule", dateTime=at("10:00").isoformat(), version=2
    )

    assert (told["code"], told["appointmentId"]) == ("patient_busy", str(other))


async def test_whoever_has_as_many_visits_as_are_allowed_may_move_each(desk: Desk) -> None:
    clinic, patient = desk.clinic, await desk.clinic.patient()
    visit = await clinic.book(at("09:00"), patient_id=patient)
    manager = ActorRef(id="m", role=Role.MANAGER)
    await write_rules(clinic.database, clinic.id, ClinicRules(max_live_per_patient=1), manager)

    moved = await asks(
        desk, patient, f"/{visit}/reschedule", dateTime=at("10:00").isoformat(), version=2
    )
    further = await asks(
        desk,
        patient,
        "",
        patientId=str(patient),
        doctorId=str(clinic.doctor_id),
        dateTime=at("09:00").isoformat(),
    )

    assert (moved.get("version"), moved.get("dateTime")) == (3, "2030-01-14T07:00:00Z"), moved
    assert (further["code"], further["rule"]) == ("rule", "maxLivePerPatient")
