"""An appointment that its run refused, before it had a row, says why to every command."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client

from adapters.temporal.client import TemporalConnection, priyom_plugin
from api.booking.runs import Runs
from tests.acceptance.conftest import PAYLOAD_KEYS, Clinic, Slot
from tests.builders import a_request


async def a_wish_that_came_too_late(clinic: Clinic, slot: Slot) -> str:
    """As when two patients want one slot through two processes of the API at once."""
    temporal = await Client.connect(
        clinic.state["temporalAddress"] or "", plugins=[priyom_plugin(keys=PAYLOAD_KEYS)]
    )
    doctor = (await clinic.http.get(f"/api/v1/doctors/{slot.doctor_id}")).json()
    request = a_request(
        appointment_id=uuid4(),
        patient_id=UUID(clinic.patient()),
        doctor_id=UUID(slot.doctor_id),
        clinic_id=UUID(doctor["clinicId"]),
        starts_at=datetime.fromisoformat(slot.starts_at),
    )
    outcome = await Runs(TemporalConnection(temporal)).hold(request, summary="a test")
    assert outcome.refusal is not None
    return str(request.appointment_id)


@pytest.mark.parametrize(
    ("command", "body"), [("confirm", None), ("cancel", {}), ("extend", {"version": 1})]
)
async def test_a_command_to_it_is_refused_with_its_own_code(
    clinic: Clinic, command: str, body: dict[str, int] | None
) -> None:
    slot = await clinic.free_slot()
    await clinic.hold(slot)
    appointment = await a_wish_that_came_too_late(clinic, slot)

    answer = await clinic.http.post(f"/api/v1/appointments/{appointment}/{command}", json=body)

    assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")
    seen = await clinic.get(appointment)
    assert (seen["status"], seen["code"]) == ("refused", "slot_taken")
