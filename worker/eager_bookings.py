"""Holds, confirmations and moves on the shortest way: by this process's own worker."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID

from prometheus_client import Counter
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from adapters.temporal.client import TemporalConnection
from adapters.temporal.runs import CONFIRM
from adapters.temporal.updates import command
from domain.actors import ActorRef
from domain.booking import BookingRequest, Move, Outcome, Result
from domain.events import booking_workflow_id, reschedule_workflow_id
from worker.waiters import CONFIRM_APPOINTMENT, HOLD_SLOT, MOVE_APPOINTMENT, Waiters
from workflows.book_appointment import BookAppointment
from workflows.names import BOOKINGS, HOLD, TASK_TIMEOUT, reschedule_update_id
from workflows.reschedule_appointment import RescheduleAppointment
from workflows.starting import labels_of_booking, labels_of_move

ANSWERS = Counter(
    "priyom_eager_answers",
    "Holds and moves, by whether their step was heard of in time or the run had to be asked.",
    ["road"],
)

Answer = TypeVar("Answer")
Run = WorkflowHandle[BookAppointment, Result]
MoveRun = WorkflowHandle[RescheduleAppointment, Result]

HEARD_WITHIN_SECONDS = 0.5
"""Nearly every hold is heard of sooner. From then on the run is asked too: another process may have
taken its first task, or the database may be slow."""

CALL_LASTS_SECONDS = 30.0
"""How long a call goes on after its caller has left. The server drops a pending update when a
workflow task fails, and the SDK sends it again until then."""


class EagerBookings:
    """Holds, confirmations and moves beside the worker that runs them.

    A run is begun with its first task in the start's own answer (eager start). Whoever waits is
    answered by the step itself when its row is committed, or by the run, whichever is first.
    Raises what the SDK raises.
    """

    def __init__(
        self,
        temporal: TemporalConnection,
        waiters: Waiters,
        *,
        heard_within: float = HEARD_WITHIN_SECONDS,
    ) -> None:
        self._temporal = temporal
        self._waiters = waiters
        self._heard_within = heard_within
        self._calls: set[asyncio.Task[Any]] = set()
        self._confirming: dict[UUID, asyncio.Task[Outcome]] = {}

    async def hold(self, request: BookingRequest, *, summary: str) -> Outcome:
        """Begin the run, or find it, and wait for what became of the hold."""
        with self._waiters.expecting(HOLD_SLOT, request.appointment_id) as heard:
            try:
                run = await asyncio.shield(self._call(self._begin(request, summary=summary)))
            except WorkflowAlreadyStartedError:
                return await self._held(self._run(request.appointment_id))
            told = await self._told_if_not(heard, lambda: self._held(run))
        return told or await _settled(run, heard.result(), lambda: self._held(run))

    async def move(self, move: Move) -> Outcome:
        """Begin the run, or find that of this version, and wait for what became of the move."""
        with self._waiters.expecting(MOVE_APPOINTMENT, move.attempt_id) as heard:
            try:
                begun = self._call(self._begin_move(move), name=_workflow_id(move))
                run = await asyncio.shield(begun)
            except WorkflowAlreadyStartedError:
                return await self._moved(self._run_of(move), move)
            told = await self._told_if_not(heard, lambda: self._moved(run, move))
        return told or await _settled(run, heard.result(), lambda: self._moved(run, move))

    async def has_begun(self, workflow_id: str) -> None:
        """Wait for starts of this run under way here: one whose caller has left goes on."""
        starts = [call for call in self._calls if call.get_name() == workflow_id]
        if starts:
            await asyncio.wait(starts)

    async def confirm(self, appointment_id: UUID, by: ActorRef | None = None) -> Outcome:
        """Tell the run that the patient agrees; simultaneous callers share the first's update."""
        with self._waiters.expecting(CONFIRM_APPOINTMENT, appointment_id) as heard:
            asked = self._confirming.get(appointment_id)
            if asked is None:
                asked = self._call(self._confirmed(appointment_id, by))
                self._confirming[appointment_id] = asked
                asked.add_done_callback(lambda _: self._confirming.pop(appointment_id, None))
            await asyncio.wait((heard, asked), return_when=asyncio.FIRST_COMPLETED)
            return asked.result() if asked.done() else heard.result()

    async def _begin(self, request: BookingRequest, *, summary: str) -> Run:
        """A start whose caller has left goes on: its first task would come to nobody."""
        return await self._temporal.client.start_workflow(
            BookAppointment.run,
            request,
            id=booking_workflow_id(request.appointment_id),
            task_queue=BOOKINGS,
            task_timeout=TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            request_eager_start=True,
            **labels_of_booking(request, summary=summary),
        )

    async def _begin_move(self, move: Move) -> MoveRun:
        """As a booking; after a move that was refused another one of this version may begin."""
        return await self._temporal.client.start_workflow(
            RescheduleAppointment.run,
            move,
            id=_workflow_id(move),
            task_queue=BOOKINGS,
            task_timeout=TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            request_eager_start=True,
            **labels_of_move(move),
        )

    async def _told_if_not(
        self, heard: asyncio.Future[Outcome], ask: Callable[[], Coroutine[Any, Any, Outcome]]
    ) -> Outcome | None:
        """What the run says if the step is not heard of in time; None where the step is first."""
        await asyncio.wait((heard,), timeout=self._heard_within)
        ANSWERS.labels("step" if heard.done() else "run").inc()
        if heard.done():
            return None
        asked = self._call(ask())
        await asyncio.wait((heard, asked), return_when=asyncio.FIRST_COMPLETED)
        return asked.result() if asked.done() else None

    async def _held(self, run: Run) -> Outcome:
        async with asyncio.timeout(CALL_LASTS_SECONDS):
            return await run.execute_update(BookAppointment.hold, id=HOLD)

    async def _moved(self, run: MoveRun, move: Move) -> Outcome:
        async with asyncio.timeout(CALL_LASTS_SECONDS):
            return await run.execute_update(
                RescheduleAppointment.reschedule, id=reschedule_update_id(move.attempt_id)
            )

    async def _confirmed(self, appointment_id: UUID, by: ActorRef | None = None) -> Outcome:
        async with asyncio.timeout(CALL_LASTS_SECONDS):
            return await command(self._run(appointment_id), CONFIRM, by=by, id=CONFIRM)

    def _run(self, appointment_id: UUID) -> Run:
        return self._temporal.client.get_workflow_handle_for(
            BookAppointment.run, booking_workflow_id(appointment_id)
        )

    def _run_of(self, move: Move) -> MoveRun:
        return self._temporal.client.get_workflow_handle_for(
            RescheduleAppointment.run, _workflow_id(move)
        )

    def _call(
        self, call: Coroutine[Any, Any, Answer], name: str | None = None
    ) -> asyncio.Task[Answer]:
        task = asyncio.create_task(call, name=name)
        self._calls.add(task)
        task.add_done_callback(self._has_ended)
        return task

    def _has_ended(self, call: asyncio.Task[Any]) -> None:
        """How a call ended concerns nobody once its caller has been answered."""
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()


def _workflow_id(move: Move) -> str:
    return reschedule_workflow_id(move.appointment_id, move.version)


async def _settled(
    run: Run | MoveRun, outcome: Outcome, ask: Callable[[], Coroutine[Any, Any, Outcome]]
) -> Outcome:
    """A row settles what was done. A refusal has none, so it is settled when the run has ended.

    Another worker that repeats the step may find the slot free again; then the run says so.
    """
    if outcome.refusal is None or (await run.result()).code is not None:
        return outcome
    return await ask()
