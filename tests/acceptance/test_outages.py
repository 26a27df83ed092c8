"""A server is gone, a process is killed, an operator cancels: nothing is lost or booked twice."""

import time
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from tests.acceptance.conftest import Clinic, Slot, eventually
from tests.acceptance.watching import records_about, result_of

Run = WorkflowHandle[Any, Any]


async def test_without_kafka_confirm_answers_and_the_event_arrives_later(clinic: Clinic) -> None:
    appointment = await clinic.hold()

    async with clinic.without("kafka"):
        confirmed = await clinic.confirm(appointment)

    assert confirmed.status_code == 200, "it is 503 where an answer takes five seconds"

    async def published() -> bool:
        return len(await records_about(clinic, appointment)) > 0

    await eventually(published, within=60)

    async def told() -> bool:
        return len(await clinic.messages_about(appointment)) == 2

    await eventually(told, within=60)


async def test_without_redis_everything_answers_and_nothing_is_stale_afterwards(
    clinic: Clinic,
) -> None:
    slot, other = await clinic.free_slots(2)
    assert await clinic.state_of(slot) == "free"  # cached now

    async with clinic.without("valkey"):
        appointment = await clinic.hold(slot)
        confirmed = await clinic.confirm(appointment)
        seen = await clinic.state_of(slot)

    assert (confirmed.status_code, seen) == (200, "booked")
    assert await clinic.state_of(slot) == "booked"
    assert await clinic.state_of(other) == "free"


async def test_a_killed_worker_delays_the_confirmation_by_seconds(clinic: Clinic) -> None:
    appointment = await clinic.hold()

    await clinic.kill("worker")
    confirmed = await until_answered(clinic, appointment, within=60)

    assert confirmed == 200


async def test_a_killed_temporal_forgets_no_hold_and_no_timer(
    hasty_clinic: Clinic, temporal_client: Client
) -> None:
    slot = await hasty_clinic.free_slot()
    appointment = await hasty_clinic.hold(slot)

    await hasty_clinic.kill("temporal")

    async def ended() -> bool:
        try:
            return await result_of(temporal_client, f"appointment-{appointment}") == "expired"
        except WorkflowFailureError:
            raise
        except Exception:  # noqa: BLE001 - the server is on its way up
            return False

    await eventually(ended, within=60)
    assert await hasty_clinic.state_of(slot) == "free"


async def test_without_postgresql_the_answer_is_unavailable_and_later_right(
    clinic: Clinic,
) -> None:
    slot = await clinic.free_slot()
    patient = clinic.patient()

    async with clinic.without("postgres"):
        asked = time.monotonic()
        refused = await clinic.book(slot, patient=patient, key="during-the-outage")
        answered_in = time.monotonic() - asked

    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert "retry-after" in refused.headers
    assert answered_in < 12, "after five seconds, on a machine that may be busy"

    async def booked() -> bool:
        answer = await clinic.book(slot, patient=patient, key="during-the-outage")
        return answer.status_code == 201

    await eventually(booked)


async def test_a_temporal_cancel_of_a_held_slot_frees_it(
    clinic: Clinic, temporal_client: Client
) -> None:
    slot = await clinic.free_slot()
    appointment = await clinic.hold(slot)

    handle = temporal_client.get_workflow_handle(f"appointment-{appointment}")
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert (await clinic.get(appointment))["status"] == "cancelled"
    assert await clinic.state_of(slot) == "free"
    assert (await clinic.confirm(appointment)).json()["code"] == "already_cancelled"
    assert await records_about(clinic, appointment) == []


async def test_a_temporal_cancel_while_holding_leaves_no_orphan(
    clinic: Clinic, temporal_client: Client
) -> None:
    slot = await clinic.free_slot()
    request = await a_request_for(clinic, slot)
    async with clinic.without("worker"), clinic.without("api"):  # nobody holds it meanwhile
        handle: Run = await temporal_client.start_workflow(
            "BookAppointment",
            request,
            id=f"appointment-{request['appointment_id']}",
            task_queue="bookings",
        )
        await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert await clinic.state_of(slot) == "free"
    assert (await clinic.get(request["appointment_id"]))["status"] == "cancelled"


async def a_request_for(clinic: Clinic, slot: Slot) -> dict[str, Any]:
    """The input of a booking, as it stands in Temporal."""
    (doctor,) = await clinic.rows("SELECT clinic_id FROM doctors WHERE id = %s", slot.doctor_id)
    patient = clinic.patient()
    return {
        "appointment_id": str(uuid4()),
        "attempt_id": str(uuid4()),
        "patient_id": patient,
        "doctor_id": slot.doctor_id,
        "clinic_id": str(doctor["clinic_id"]),
        "starts_at": slot.starts_at,
        "hold_seconds": 600,
        "max_holds": 3,
        "origin": "patient",
        "actor": {"id": patient, "role": "patient"},
    }


async def until_answered(clinic: Clinic, appointment: str, *, within: float) -> int:
    """Ask again while the answer is `unavailable`, as the page does."""
    answers: list[int] = []

    async def answered() -> bool:
        answers.append((await clinic.confirm(appointment)).status_code)
        return answers[-1] != 503

    await eventually(answered, within=within)
    return answers[-1]
