"""Reception books on top of a visit on purpose; nobody else does."""

from uuid import uuid4

import httpx
import pytest

from adapters.postgres.take import hold_slot
from adapters.postgres.transactions import TransactionLimit
from domain.errors import SlotTaken
from tests.builders import a_request
from tests.clinic_rows import Clinic, at
from tests.fakes.issuer import FakeIssuer


async def test_a_marked_hold_stands_on_top_of_a_visit(clinic: Clinic) -> None:
    await clinic.book(at("09:00"))
    wish = a_request(
        patient_id=await clinic.patient(),
        doctor_id=clinic.doctor_id,
        clinic_id=clinic.id,
        starts_at=at("09:00"),
    )
    marked = a_request(**{**vars(wish), "appointment_id": uuid4(), "overbook": True})

    with pytest.raises(SlotTaken):
        await hold_slot(clinic.database, TransactionLimit(1), wish)
    held = await hold_slot(clinic.database, TransactionLimit(1), marked)

    async with clinic.database.lend() as connection:
        found = await connection.execute(
            "SELECT status, overbook FROM schedules WHERE id = %s",
            [held.appointment.appointment_id],
        )
        assert await found.fetchall() == [("held", True)]


async def test_only_the_desk_may_ask_for_it(
    signed_in_api: str, issuer: FakeIssuer, clinic: Clinic
) -> None:
    """Where the desk is let in, a run is begun, and here is no Temporal to begin it."""
    patient = await clinic.patient()
    wish = {
        "patientId": str(patient),
        "doctorId": str(clinic.doctor_id),
        "dateTime": at("09:00").isoformat(),
        "overbook": True,
    }
    await clinic.book(at("09:00"))
    tokens = [
        issuer.token(roles=["patient"], patient_id=str(patient)),
        issuer.token(roles=["doctor"], practitioner_id=str(uuid4())),
        issuer.token(roles=["reception"], clinic_ids=[str(uuid4())]),
        issuer.token(roles=["reception"], clinic_ids=[str(clinic.id)]),
        issuer.token(roles=["manager"], clinic_ids=[str(clinic.id)]),
    ]

    codes = []
    async with httpx.AsyncClient(base_url=signed_in_api, timeout=20) as http:
        for token in tokens:
            headers = {"authorization": f"Bearer {token}"}
            answer = await http.post("/appointments", json=wish, headers=headers)
            codes.append(answer.json()["code"])

    assert codes == ["forbidden", "forbidden", "forbidden", "unavailable", "unavailable"]
