"""The same key is given the same answer, whatever became of the appointment since."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.client import Client

from adapters.temporal.client import priyom_plugin
from api.booking.idempotency import appointment_id_of
from domain.booking import BookingRequest, Status
from domain.events import booking_workflow_id
from tests.acceptance.conftest import PAYLOAD_KEYS, SECRET, Clinic, Slot
from tests.acceptance.test_lapse import lapse
from tests.builders import a_request
from workflows.book_appointment import BookAppointment
from workflows.names import BOOKINGS
from workflows.starting import labels_of_booking


async def extended_twice(clinic: Clinic, appointment: str) -> None:
    for version in (1, 2):
        await clinic.http.post(
            f"/api/v1/appointments/{appointment}/extend", json={"version": version}
        )
    assert (await clinic.get(appointment))["version"] == 3


async def confirmed(clinic: Clinic, appointment: str) -> None:
    assert (await clinic.confirm(appointment)).status_code == 200


async def extended_and_confirmed(clinic: Clinic, appointment: str) -> None:
    await extended_twice(clinic, appointment)
    await confirmed(clinic, appointment)


async def confirmed_and_cancelled(clinic: Clinic, appointment: str) -> None:
    await confirmed(clinic, appointment)
    assert (await clinic.cancel(appointment)).status_code == 200


async def given_up(clinic: Clinic, appointment: str) -> None:
    assert (await clinic.cancel(appointment)).status_code == 200


def assert_replayed(again: httpx.Response, first: httpx.Response) -> None:
    assert (again.status_code, again.text) == (first.status_code, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


@pytest.mark.parametrize(
    "become",
    [extended_twice, confirmed, extended_and_confirmed, confirmed_and_cancelled, given_up],
    ids=lambda become: become.__name__,
)
async def test_the_same_key_is_given_the_hold_as_it_was_answered(
    clinic: Clinic, become: Callable[[Clinic, str], Awaitable[None]]
) -> None:
    slot, patient, key = await clinic.free_slot(), clinic.patient(), str(uuid4())
    first = await clinic.book(slot, patient=patient, key=key)
    await become(clinic, first.json()["appointmentId"])

    assert_replayed(await clinic.book(slot, patient=patient, key=key), first)


async def test_the_same_key_is_given_a_hold_that_has_lapsed_as_it_was_answered(
    hasty_clinic: Clinic,
) -> None:
    slot, patient, key = await hasty_clinic.free_slot(), hasty_clinic.patient(), str(uuid4())
    first = await hasty_clinic.book(slot, patient=patient, key=key)
    await lapse()
    await hasty_clinic.hold(slot)  # somebody else takes it

    assert_replayed(await hasty_clinic.book(slot, patient=patient, key=key), first)


async def test_a_key_whose_run_was_refused_is_given_its_refusal_and_its_alternatives_again(
    clinic: Clinic, second_api: httpx.AsyncClient
) -> None:
    slot, patient, key = await clinic.free_slot(), clinic.patient(), str(uuid4())
    owner = await clinic.hold(slot)
    run = await a_run_that_was_refused(clinic, slot, UUID(patient), key)
    by_second = replace(clinic, http=second_api)

    told = await by_second.book(slot, patient=patient, key=key)
    offered = told.json()["alternatives"]
    await clinic.hold(Slot(offered[0]["doctorId"], offered[0]["dateTime"]))
    others_took_one = await by_second.book(slot, patient=patient, key=key)
    await clinic.cancel(owner)
    slot_is_free = await by_second.book(slot, patient=patient, key=key)

    assert (told.status_code, told.json()["code"]) == (409, "slot_taken")
    for answer in (told, others_took_one, slot_is_free):
        assert answer.headers["idempotent-replayed"] == "true"
        assert without_ids(answer) == without_ids(told)
    assert await clinic.rows("SELECT FROM schedules WHERE id = %s", run.appointment_id) == []


def without_ids(answer: httpx.Response) -> dict[str, object]:
    return {name: told for name, told in answer.json().items() if name != "requestId"}


async def a_run_that_was_refused(
    clinic: Clinic, slot: Slot, patient_id: UUID, key: str
) -> BookingRequest:
    """As when another process holds the slot between the API's look and the run's step.

    It is begun as a process beside its worker does it: nobody asks the run, so no answer is stored.
    """
    temporal = await Client.connect(
        clinic.state["temporalAddress"] or "", plugins=[priyom_plugin(keys=PAYLOAD_KEYS)]
    )
    doctor = (await clinic.http.get(f"/api/v1/doctors/{slot.doctor_id}")).json()
    request = a_request(
        appointment_id=appointment_id_of(SECRET.encode(), patient_id, key),
        patient_id=patient_id,
        doctor_id=UUID(slot.doctor_id),
        clinic_id=UUID(doctor["clinicId"]),
        starts_at=datetime.fromisoformat(slot.starts_at),
    )
    async with asyncio.timeout(60):
        result = await temporal.execute_workflow(
            BookAppointment.run,
            request,
            id=booking_workflow_id(request.appointment_id),
            task_queue=BOOKINGS,
            **labels_of_booking(request, summary="a test"),
        )
    assert (result.status, result.code) == (Status.REFUSED, "slot_taken")
    assert result.refusal is not None
    assert result.refusal.code == "slot_taken"
    return request
