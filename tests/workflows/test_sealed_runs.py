"""Runs whose payloads are sealed: the same runs, which nobody reads in Temporal."""

import gc

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from adapters.temporal.client import TemporalConnection, priyom_plugin
from adapters.temporal.codec import SealedPayloadError, SealedPayloads, is_sealed
from api.booking.runs import Runs
from api.booking.story import runs_of
from domain.booking import BookingRequest, Result, Status
from domain.events import booking_workflow_id
from tests.builders import a_request
from tests.fakes.clinic import FakeClinic
from tests.payload_keys import payloads_in
from tests.workflows.conftest import working
from tests.workflows.recordings import EVERY_WORKFLOW, history_in, of_today
from worker.sandbox import sandboxed_runner
from workflows.book_appointment import BookAppointment

OLD, NEW = {"old": b"o" * 32}, {"new": b"n" * 32}


def one_of_each_workflow() -> list[WorkflowHistory]:
    """The longest recording of each."""
    found: dict[str, WorkflowHistory] = {}
    for history in map(history_in, of_today()):
        name = history.events[0].workflow_execution_started_event_attributes.workflow_type.name
        if name not in found or len(history.events) > len(found[name].events):
            found[name] = history
    return list(found.values())


@pytest.mark.unmeasured
@pytest.mark.parametrize("history", one_of_each_workflow(), ids=lambda each: each.workflow_id)
async def test_a_recorded_history_replays_once_it_is_sealed(history: WorkflowHistory) -> None:
    codec, sealed = SealedPayloads(OLD), 0
    for event in history.events:
        for payload in payloads_in(event):
            payload.CopyFrom((await codec.encode([payload]))[0])
            sealed += 1
    replayer = Replayer(
        workflows=EVERY_WORKFLOW,
        workflow_runner=sandboxed_runner(),
        plugins=[priyom_plugin(keys=NEW | OLD)],
    )

    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)

    assert sealed
    assert result.replay_failure is None


async def client_with(temporal: WorkflowEnvironment, keys: dict[str, bytes]) -> Client:
    address = temporal.client.service_client.config.target_host
    return await Client.connect(address, plugins=[priyom_plugin(keys=keys)], identity="tests")


async def test_a_booking_goes_on_after_the_keys_were_changed_and_nobody_reads_it(
    temporal: WorkflowEnvironment,
) -> None:
    clinic, request = FakeClinic(), a_request()
    before, after = await client_with(temporal, OLD), await client_with(temporal, NEW | OLD)
    async with working(before, clinic):
        held = await Runs(TemporalConnection(before)).hold(request, summary="a test")

    async with working(after, clinic):
        await Runs(TemporalConnection(after)).confirm(request.appointment_id)
        run = after.get_workflow_handle_for(
            BookAppointment.run, booking_workflow_id(request.appointment_id)
        )
        result: Result = await run.result()
        stranger = await client_with(temporal, {})
        [seen], [unseen] = [
            await runs_of(client, request.appointment_id, None) for client in (after, stranger)
        ]
        with pytest.raises(SealedPayloadError, match="the key new, which PRIYOM_PAYLOAD_KEYS"):
            await stranger.get_workflow_handle(run.id).result()

    history = await run.fetch_history()
    payloads = [payload for event in history.events for payload in payloads_in(event)]
    by = {payload.metadata["encryption-key-id"] for payload in payloads if is_sealed(payload)}
    assert (held.appointment.status, result.status) == (Status.HELD, Status.CONFIRMED)
    assert by == {b"old", b"new"}
    assert seen.details is not None
    assert unseen.details is None
    assert readable(payloads, request) == []
    del before, after, run, stranger
    gc.collect()


def readable(payloads: list[Payload], request: BookingRequest) -> list[bytes]:
    """What of this booking stands in them for everybody."""
    said = b"\n".join(payload.SerializeToString() for payload in payloads)
    needles = [request.patient_id, request.doctor_id, request.clinic_id, "confirmed", "a test"]
    return [each for each in (str(needle).encode() for needle in needles) if each in said]
