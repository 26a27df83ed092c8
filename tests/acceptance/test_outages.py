"""A server is gone, a process is killed, an operator cancels: nothing is lost or booked twice."""

import asyncio
import time
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from tests.acceptance.conftest import Clinic, eventually
from tests.acceptance.watching import records_about, result_of

Run = WorkflowHandle[Any, Any]


async def test_without_kafka_confirm_answers_and_the_event_arrives_later(clinic: Clinic) -> None:
    appointment = await clinic.hold()

    async with clinic.without("kafka"):
        asked = time.monotonic()
        confirmed = await clinic.confirm(appointment)
        answered_in = time.monotonic() - asked

    assert confirmed.status_code == 200
    assert answered_in < 5

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
    confirmed = await until_answered(clinic, appointment, within=30)

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
    assert answered_in < 6

    async def booked() -> bool:
        answer = await clinic.book(slot, patient=patient, key="during-the-outage")
        return answer.status_code == 201

    await eventually(booked, within=30)


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
    async with clinic.without("worker"):
        booking = asyncio.create_task(clinic.book(slot, key="cancelled-while-holding"))
        handle = await the_only_running_run(temporal_client, slot.doctor_id)
        await handle.cancel()
        await booking
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert await clinic.state_of(slot) == "free"
    appointment = handle.id.removeprefix("appointment-")
    assert (await clinic.get(appointment))["status"] == "cancelled"


async def the_only_running_run(client: Client, doctor_id: str) -> Run:
    found: list[Run] = []

    async def listed() -> bool:
        found.clear()
        query = f'ExecutionStatus="Running" AND DoctorId="{doctor_id}"'
        async for run in client.list_workflows(query):
            described = await client.get_workflow_handle(run.id).describe()
            if described.history_length <= 3:
                found.append(client.get_workflow_handle(run.id))
        return len(found) == 1

    await eventually(listed, within=20)
    return found[0]


async def until_answered(clinic: Clinic, appointment: str, *, within: float) -> int:
    """Ask again while the answer is `unavailable`, as the page does."""
    answers: list[int] = []

    async def answered() -> bool:
        answers.append((await clinic.confirm(appointment)).status_code)
        return answers[-1] != 503

    await eventually(answered, within=within)
    return answers[-1]
