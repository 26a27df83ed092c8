"""Mark whether the patient came: one step that is done or refused, then show the day anew.

No saga: a mark that was made is wanted, and has an undo of its own. Nobody is sent a message: the
patient was there, or the clinic speaks with who was not.
"""

from temporalio import workflow

from domain.attendance import Settlement
from domain.booking import Outcome, Result, asked_for
from domain.errors import Refused
from workflows import steps
from workflows.answers import answered
from workflows.details import described_update, show
from workflows.names import APPOINTMENT_STATUS
from workflows.saga import run_to_completion
from workflows.tell_everybody import announce, change_of


@workflow.defn
class SettleVisit:
    """One mark on one visit; a refused one changes nothing."""

    @workflow.init
    def __init__(self, settlement: Settlement) -> None:
        self._settlement = settlement
        self._outcome: Outcome | None = None

    @workflow.run
    async def run(self, _settlement: Settlement) -> Result:
        return await run_to_completion(self._settle())

    async def _settle(self) -> Result:
        asked, refusal = self._settlement, None
        visit = asked_for(asked, asked.status)
        show(visit, now="Marking the visit.")
        try:
            visit = await steps.settle_visit(asked)
        except Refused as refused:
            refusal = refused.refusal
            if workflow.patched("status-of-a-refused-mark"):  # it began with what it was to become
                workflow.upsert_search_attributes([APPOINTMENT_STATUS.value_set(asked.status)])
        self._outcome = Outcome(attempt_id=asked.attempt_id, appointment=visit, refusal=refusal)
        if refusal is None:
            await announce([change_of(visit)])
        show(visit, now="Ended.", refusal=refusal)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return Result(status=visit.status, code=refusal.code if refusal else None, refusal=refusal)

    @described_update("The answer of the mark.")
    async def settle(self) -> Outcome:
        return await answered(lambda: self._outcome)
