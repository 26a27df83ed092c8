"""An operator ends, cancels or resets a run in each phase: the rows and the events stay right."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Booking, Kind
from tests.faults.rig.weather import Act, id_in_any_form

Run = WorkflowHandle[object, object]
Order = Callable[[Case, Run], Awaitable[None]]


async def terminate(_case: Case, run: Run) -> None:
    await run.terminate("by a test")


async def cancel(_case: Case, run: Run) -> None:
    await run.cancel()


async def first_task_of(run: Run) -> int:
    """A hold is answered with its row, a moment before the task that took it is recorded."""
    while True:
        for event in (await run.fetch_history()).events:
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                return event.event_id
        await asyncio.sleep(0.05)


async def reset(case: Case, run: Run) -> None:
    """To its beginning: the whole process is run again over the row that it left."""
    first = await first_task_of(run)
    await case.rig.temporal.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=run.id),
            reason="by a test",
            workflow_task_finish_event_id=first,
            request_id=str(uuid4()),
        )
    )


@pytest.mark.parametrize("order", [terminate, cancel])
async def test_ordered_while_the_slot_is_being_held(rig: Rig, order: Order) -> None:
    title = f"{order.__name__} while the slot is being held"
    async with rig.case(37, title, api_serves="reads") as case, case.load(2):
        booking = case.booking()
        case.stopped.add(booking.appointment_id)
        asked = case.stack.link("worker", "postgres").when(
            id_in_any_form(booking.appointment_id), do=Act.HOLD
        )
        holding = asyncio.create_task(case.insist(Kind.HOLD, booking))
        await asked.within()
        await ordered(case, order, booking)
        await case.stack.link("worker", "postgres").heal()
        await holding


@pytest.mark.parametrize("order", [terminate, cancel, reset])
async def test_ordered_while_the_patient_is_waited_for(rig: Rig, order: Order) -> None:
    title = f"{order.__name__} while the patient is waited for"
    async with rig.case(37, title, api_serves="reads") as case, case.load(2):
        booking = await held(case)
        await ordered(case, order, booking)
        await case.insist(Kind.CONFIRM, booking)


@pytest.mark.parametrize("order", [terminate, cancel, reset])
async def test_ordered_while_the_visit_is_being_confirmed(rig: Rig, order: Order) -> None:
    title = f"{order.__name__} while the visit is being confirmed"
    async with rig.case(37, title, api_serves="reads") as case, case.load(2):
        booking = await held(case)
        asked = case.stack.link("worker", "postgres").when(
            id_in_any_form(booking.appointment_id), do=Act.HOLD
        )
        confirming = asyncio.create_task(case.insist(Kind.CONFIRM, booking))
        await asked.within()
        await ordered(case, order, booking)
        await case.stack.link("worker", "postgres").heal()
        await confirming


@pytest.mark.parametrize("order", [terminate, cancel, reset])
async def test_ordered_while_the_visit_is_announced(rig: Rig, order: Order) -> None:
    title = f"{order.__name__} while the visit is announced"
    async with rig.case(37, title, api_serves="reads") as case, case.load(2):
        booking = await held(case)
        case.stack.link("worker", "kafka").freeze()
        assert (await case.insist(Kind.CONFIRM, booking)).status == 200
        await ordered(case, order, booking)
        await case.stack.link("worker", "kafka").heal()


async def test_reset_after_the_end(rig: Rig) -> None:
    async with rig.case(37, "reset after the end", api_serves="reads") as case, case.load(2):
        booking = await held(case)
        assert (await case.insist(Kind.CONFIRM, booking)).status == 200
        run = case.run_of(booking)
        await run.result()
        await ordered(case, reset, booking)

    told = [e for e in case.evidence.events if e.appointment_id == booking.appointment_id]
    assert (len(told), len({event.id for event in told})) == (2, 1), "told again, under one id"


async def held(case: Case) -> Booking:
    booking = case.booking()
    case.stopped.add(booking.appointment_id)
    assert (await case.insist(Kind.HOLD, booking)).status == 201
    return booking


async def ordered(case: Case, order: Order, booking: Booking) -> None:
    """On a machine that is busy the run may have ended before the operator came."""
    run = case.run_of(booking)
    try:
        await order(case, run)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    else:
        case.injected(order.__name__)
