"""Stories of one booking: moves in some order, and what must hold when they have ended."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Self

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from adapters.temporal.client import TemporalConnection
from api.booking.runs import Runs
from api.booking.temporal_errors import NoRun
from domain.booking import Appointment, BookingRequest, CancelReason, Outcome, Status
from domain.booking_record import CODE_OF_END
from domain.errors import ExtensionLimit, Refused
from domain.events import appointment_confirmed, booking_workflow_id
from tests.builders import a_request
from tests.fakes.clinics import Clinics
from tests.workflows.conftest import PATIENTLY
from tests.workflows.patience import Patience
from worker.sandbox import workflow_runner
from workflows import names
from workflows.book_appointment import BookAppointment

STEPS = ("hold_slot", "extend_hold", "confirm_appointment", "release_slot")
NOBODY_LISTENS = "nobody listens"
A_CREW = 4
TEN_MINUTES = timedelta(minutes=10, seconds=1)


class Move(StrEnum):
    """What may happen to a booking that is held."""

    CONFIRM = "the patient confirms"
    CANCEL = "the patient gives up"
    EXTEND = "the patient asks for more time"
    LAPSE = "ten minutes pass"
    OUTAGE = "the database fails three times"
    LOST_ANSWER = "the database's next answer is lost"
    STOP = "operations stop the run"


WORDS = {Move.CONFIRM: Status.CONFIRMED, Move.CANCEL: Status.CANCELLED, Move.EXTEND: Status.HELD}
"""What a patient says, and the status that it asks for."""

ENDS = {
    Move.CONFIRM: Status.CONFIRMED,
    Move.CANCEL: Status.CANCELLED,
    Move.LAPSE: Status.EXPIRED,
    Move.STOP: Status.CANCELLED,
}


TROUBLE = {Move.OUTAGE, Move.LOST_ANSWER}


def end_of(moves: Sequence[Move]) -> Status:
    """One after another, the first move that ends a hold decides; without one, time does."""
    return next((ENDS[move] for move in moves if move in ENDS), Status.EXPIRED)


class Crew:
    """Workers without a memory: each task replays its run from the start, on any of them.

    One task at a time each, since a worker without a cache gives up what another task displaces.
    """

    def __init__(self, client: Client, activities: list[Callable[..., Any]]) -> None:
        self._client, self._activities = client, activities
        self._on_duty = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self.comes()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leaves()

    async def comes(self) -> None:
        for _ in range(A_CREW):
            await self._on_duty.enter_async_context(
                Worker(
                    await self._another_client(),
                    task_queue=names.BOOKINGS,
                    workflows=[BookAppointment],
                    activities=self._activities,
                    workflow_runner=workflow_runner(),
                    interceptors=[Patience()],
                    max_cached_workflows=0,
                    max_concurrent_workflow_tasks=1,
                )
            )
        await self._on_duty.enter_async_context(
            Worker(self._client, task_queue=names.ANNOUNCEMENTS, activities=self._activities)
        )

    async def leaves(self) -> None:
        await self._on_duty.aclose()

    async def _another_client(self) -> Client:
        """A client takes one worker for a queue."""
        address = self._client.service_client.config.target_host
        return await Client.connect(address, plugins=self._client.config()["plugins"])


@dataclass
class Story:
    """One booking, what was said to it and what it answered."""

    environment: WorkflowEnvironment
    clinics: Clinics
    request: BookingRequest = field(init=False)
    told: list[tuple[Move, str]] = field(default_factory=list)
    seen_version: int = 1

    def __post_init__(self) -> None:
        self.request = a_request()
        self.clinic = self.clinics.open_for(self.request)
        self._runs = Runs(TemporalConnection(self.environment.client))
        self.run = self.environment.client.get_workflow_handle_for(
            BookAppointment.run, booking_workflow_id(self.request.appointment_id)
        )

    @property
    def row(self) -> Appointment:
        return self.clinic.rows[self.request.appointment_id]

    async def begins(self) -> None:
        held = await self._runs.hold(self.request, summary="a story")
        assert held.appointment.status is Status.HELD

    async def begins_in(self, trouble: Move) -> None:
        """What goes wrong goes wrong already while the slot is being held."""
        if trouble in TROUBLE:
            await self.play(trouble)
        await self.begins()

    async def goes_on(self, moves: Sequence[Move]) -> None:
        for move in moves:
            await self.play(move)

    async def play(self, move: Move) -> None:
        match move:
            case Move.OUTAGE:
                for step in STEPS:
                    self.clinic.break_down(step, times=3 - len(self.clinic.faults[step]))
            case Move.LOST_ANSWER:
                self.clinic.answers_to_lose.update(dict.fromkeys(STEPS, 1))
            case Move.LAPSE:
                await self.ten_minutes_pass()
            case Move.STOP:
                await self.is_stopped()
            case _:
                await self.says(move)

    async def says(self, word: Move) -> None:
        """A word of the patient's; what it was answered is noted."""
        try:
            outcome = await self._word(word)
            self.told.append((word, _answer(outcome)))
            self.seen_version = outcome.appointment.version or self.seen_version
        except Refused as refused:
            self.told.append((word, refused.code))
        except NoRun:
            self.told.append((word, NOBODY_LISTENS))

    async def _word(self, word: Move) -> Outcome:
        appointment_id = self.request.appointment_id
        match word:
            case Move.CONFIRM:
                return await self._runs.confirm(appointment_id)
            case Move.CANCEL:
                return await self._runs.give_up(appointment_id, "mistake")
            case _:
                return await self._runs.extend(appointment_id, self.seen_version)

    async def ten_minutes_pass(self, *, until_it_shows: bool = True) -> None:
        if self.row.status is Status.HELD:
            await self.environment.fast_forward(self.run, TEN_MINUTES)
            if until_it_shows:
                await self._row_is_final()

    async def is_stopped(self, *, until_it_shows: bool = True) -> None:
        was_held = self.row.status is Status.HELD
        with suppress(RPCError):  # it has ended, there is nothing to stop
            await self.run.cancel()
        if was_held and until_it_shows:
            await self._row_is_final()

    async def _row_is_final(self) -> None:
        async with asyncio.timeout(PATIENTLY):
            while not self.row.status.is_final:  # noqa: ASYNC110 - facts of a fake raise no event
                await asyncio.sleep(0.02)

    async def ends(self) -> Status:
        """Wait for the end, check what must hold whatever was said, and tell the row's status."""
        await self.ten_minutes_pass()
        async with asyncio.timeout(PATIENTLY):
            with suppress(WorkflowFailureError):  # stopped by operations
                await self.run.result()
        await self._ended_without_a_bug()
        self._announced_as_it_ended()
        self._answers_agree_with_the_end()
        assert self.clinic.ends_written == [self.row.status], "one end, written once"
        return self.row.status

    async def was_stopped(self) -> bool:
        return (await self.run.describe()).status is WorkflowExecutionStatus.CANCELED

    async def _ended_without_a_bug(self) -> None:
        """A completion that crosses a new event is tried again; nothing else fails a task."""
        history = await self.run.fetch_history()
        causes = {
            event.workflow_task_failed_event_attributes.cause
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
        }
        assert causes <= {WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND}

    def _announced_as_it_ended(self) -> None:
        """Once each, after the last step; an event of a confirmed visit only."""
        calls, confirmed = self.clinic.calls, self.row.status is Status.CONFIRMED
        last_step = max(n for n, call in enumerate(calls) if call in STEPS)
        announced = ["invalidate_schedule", *(["publish_event"] if confirmed else [])]
        ids = [appointment_confirmed(self.row).event_id] if confirmed else []
        assert calls[0] == "hold_slot"
        assert sorted(calls[last_step + 1 :]) == announced
        assert [event.event_id for event in self.clinic.events] == ids

    def _answers_agree_with_the_end(self) -> None:
        end = self.row.status
        for word, answer in self.told:
            allowed = {CODE_OF_END[end], NOBODY_LISTENS}
            if word is Move.EXTEND:
                allowed |= {Status.HELD, ExtensionLimit.code}
            elif WORDS[word] is end:
                by_operations = self.row.reason == CancelReason.CLINIC_REQUEST
                allowed = {end.value, *(allowed if by_operations else ())}
            assert answer in allowed, (word, answer, end)


def _answer(outcome: Outcome) -> str:
    return outcome.refusal.code if outcome.refusal else outcome.appointment.status
