"""Whoever gives a command to a booking acts in its step, its row's history and its event."""

import pytest
from temporalio import workflow
from temporalio.client import WorkflowFailureError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from adapters.temporal.client import TemporalConnection
from api.booking.runs import Runs
from domain.actors import OPERATIONS, ActorRef, Role
from domain.booking import BookingRequest, CancelReason, Outcome, Result, Status
from domain.events import booking_workflow_id
from tests.builders import THE_PATIENT, a_cancellation, a_move, a_request, an_appointment
from tests.fakes.clinic import FakeClinic
from tests.workflows.conftest import Beside, FrontDesk, Record
from workflows import names

RECEPTION = ActorRef(id="00000000-0000-4000-8000-0000000000e1", role=Role.RECEPTION)
MANAGER = ActorRef(id="00000000-0000-4000-8000-0000000000f1", role=Role.MANAGER)


async def test_each_command_is_that_of_who_gave_it(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)

    await desk.runs.extend(request.appointment_id, 1, MANAGER)
    await desk.runs.confirm(request.appointment_id, RECEPTION)
    await desk.run_of(request).result()

    assert acted(desk.clinic) == [
        ("hold_slot", THE_PATIENT),
        ("extend_hold", MANAGER),
        ("confirm_appointment", RECEPTION),
    ]
    assert [event.actor_role for event in desk.clinic.events] == [Role.RECEPTION]
    await record("confirmed-by-another", desk.run_of(request))


async def test_a_hold_is_given_up_by_who_said_so(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)

    await desk.runs.give_up(request.appointment_id, CancelReason.CLINIC_REQUEST, RECEPTION)
    await desk.run_of(request).result()

    assert acted(desk.clinic)[-1] == ("release_slot", RECEPTION)
    await record("given-up-by-another", desk.run_of(request))


async def test_the_confirmation_beside_the_worker_is_that_of_who_gave_it(beside: Beside) -> None:
    request = a_request()
    await beside.runs.hold(request, summary="a test")

    await beside.runs.confirm(request.appointment_id, RECEPTION)
    await beside.ended(request)

    assert acted(beside.clinic)[-1] == ("confirm_appointment", RECEPTION)
    assert [event.actor_role for event in beside.clinic.events] == [Role.RECEPTION]


async def test_a_command_of_nobody_s_is_that_of_who_booked(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)

    await desk.runs.extend(request.appointment_id, 1, RECEPTION)
    await desk.runs.confirm(request.appointment_id)
    await desk.run_of(request).result()

    assert acted(desk.clinic)[-1] == ("confirm_appointment", THE_PATIENT)
    assert [event.actor_role for event in desk.clinic.events] == [Role.PATIENT]


async def test_what_operations_stop_is_theirs(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)

    await desk.run_of(request).cancel()
    with pytest.raises(WorkflowFailureError):
        await desk.run_of(request).result()

    assert acted(desk.clinic)[-1] == ("release_slot", OPERATIONS)


async def test_a_visit_is_moved_and_cancelled_by_who_said_so(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)
    visit = (await desk.runs.confirm(request.appointment_id)).appointment
    await desk.run_of(request).result()

    moved = (await desk.runs.move(a_move(visit, actor=RECEPTION))).appointment
    await desk.runs.cancel(a_cancellation(moved, actor=MANAGER))

    assert acted(desk.clinic)[-2:] == [
        ("move_appointment", RECEPTION),
        ("cancel_appointment", MANAGER),
    ]


@workflow.defn(name="BookAppointment")
class OfAnOlderBuild:
    """Waits to be confirmed; its command says no word of who gives it."""

    def __init__(self) -> None:
        self.is_confirmed = False

    @workflow.run
    async def run(self, _request: BookingRequest) -> Result:
        await workflow.wait_condition(lambda: self.is_confirmed)
        return Result(status=Status.CONFIRMED)

    @workflow.update
    async def confirm(self) -> Outcome:
        self.is_confirmed = True
        visit = an_appointment(status=Status.CONFIRMED)
        return Outcome(attempt_id=visit.appointment_id, appointment=visit)

    @confirm.validator
    def _can_still_be_confirmed(self) -> None:
        """It can."""


async def test_a_booking_of_an_older_build_is_confirmed_as_well(
    temporal: WorkflowEnvironment,
) -> None:
    request, runs = a_request(), Runs(TemporalConnection(temporal.client))
    async with Worker(
        temporal.client,
        task_queue=names.BOOKINGS,
        workflows=[OfAnOlderBuild],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        run = await temporal.client.start_workflow(
            OfAnOlderBuild.run,
            request,
            id=booking_workflow_id(request.appointment_id),
            task_queue=names.BOOKINGS,
        )
        confirmed = await runs.confirm(request.appointment_id, RECEPTION)

        assert confirmed.appointment.status is Status.CONFIRMED
        assert (await run.result()).status is Status.CONFIRMED


def acted(clinic: FakeClinic) -> list[tuple[str, ActorRef | None]]:
    """The steps that change a row, and who took them."""
    return [(step, actor) for step, actor in clinic.acted if actor is not None]
