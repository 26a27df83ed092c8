"""Move a visit: one transaction takes the new time and leaves the old, then tell everybody.

No saga: a refused move has changed nothing, and one that was made is wanted. So there is nothing to
undo, and no hold of the new time that could be left behind.
"""

from dataclasses import replace

from temporalio import workflow

from domain.booking import Appointment, Move, Outcome, Result, Status, asked_for
from domain.errors import Refused
from domain.events import appointment_rescheduled
from workflows import steps
from workflows.answers import answered
from workflows.details import described_update, show
from workflows.saga import run_to_completion
from workflows.tell_everybody import announce, change_of, word_of


@workflow.defn
class RescheduleAppointment:
    """The move of one visit; a refused one changes nothing."""

    @workflow.init
    def __init__(self, move: Move) -> None:
        self._move = move
        self._outcome: Outcome | None = None

    @workflow.run
    async def run(self, _move: Move) -> Result:
        return await run_to_completion(self._reschedule())

    async def _reschedule(self) -> Result:
        move, refusal = self._move, None
        visit = asked_for(move, Status.CONFIRMED)
        show(visit, now="Moving the visit.")
        try:
            visit = await steps.move_appointment(move)
        except Refused as refused:
            refusal = refused.refusal
        self._outcome = Outcome(attempt_id=move.attempt_id, appointment=visit, refusal=refusal)
        if refusal is None:
            await self._tell(visit)
        show(visit, now="Ended.", refusal=refusal)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return Result(status=visit.status, code=refusal.code if refusal else None, refusal=refusal)

    async def _tell(self, visit: Appointment) -> None:
        """Both days, where there are two, before Kafka has the event."""
        show(visit, now="Telling everybody who has to know.")
        days = [change_of(visit)]
        if self._move.leaves_day:
            days.append(change_of(replace(visit, **vars(self._move.previous))))
        await announce(
            [
                *days,
                word_of(
                    appointment_rescheduled(visit, self._move.previous, by=self._move.actor.role)
                ),
            ]
        )

    @described_update("The answer of the move.")
    async def reschedule(self) -> Outcome:
        return await answered(lambda: self._outcome)
