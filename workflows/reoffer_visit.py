"""Offer one patient another time: hold it, say so, wait, remind, and then do as the clinic does.

The patient answers by the API or the page of the message, which move the visit or decline the
offer; this run is told, and finds it in the rows. Who declines is offered other times. What it does
about silence are the runs of every other move and cancellation.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, FailureError, WorkflowAlreadyStartedError

from domain.actors import SYSTEM
from domain.booking import Cancellation, CancelReason, Move, Placement
from domain.campaign import Judged, Offer, ReofferOrder, Verdict, campaign_workflow_id
from domain.events import (
    EventType,
    appointment_offered,
    cancel_workflow_id,
    reschedule_workflow_id,
)
from workflows import campaign_steps as steps
from workflows.names import BOOKINGS, CANCEL_APPOINTMENT, RESCHEDULE_APPOINTMENT
from workflows.starting import labels_of_cancellation, labels_of_move
from workflows.tell_everybody import announce, change_of, word_of


@workflow.defn
class ReofferVisit:
    """One visit of a campaign; the result says how it ended."""

    @workflow.init
    def __init__(self, order: ReofferOrder) -> None:
        self._order = order
        self._has_answered = False

    @workflow.run
    async def run(self, _order: ReofferOrder) -> str:
        while (judged := await self._asked()) is not None:
            if judged.verdict is not Verdict.ASK_AGAIN:
                await self._carry_out(judged)
                await self._tell_campaign("look")
                return judged.verdict.value
            self._order = replace(
                self._order, round=self._order.round + 1, is_asked=False, is_reminded=False
            )
        return "not asked" if self._order.round == 1 else Verdict.ANSWERED.value

    async def _asked(self) -> Judged | None:
        """One round: what came of the offer, None where none could be made."""
        offer = await steps.offer_another_time(self._order)
        if not self._order.is_asked:
            await self._ask(offer)
        return None if offer is None else await self._answered(offer)

    async def _ask(self, offer: Offer | None) -> None:
        if offer is not None:
            await announce(
                [change_of(offer.offer), word_of(appointment_offered(offer.offer, offer.visit))]
            )
        await self._tell_campaign("asked", self._order.appointment_id)

    async def _answered(self, offer: Offer) -> Judged:
        """By the rows: whoever says that there is an answer only says when to look."""
        if not self._order.is_asked:
            await self._wait(offer.remind_in_seconds, "remind the patient of the offer")
        judged = await steps.judge_offer(self._order)
        while judged.verdict is Verdict.WAIT:
            if judged.reminds and not self._order.is_reminded:
                self._order = replace(self._order, is_reminded=True)
                await announce(
                    [word_of(appointment_offered(offer.offer, offer.visit, EventType.REOFFERED))]
                )
            await self._wait(judged.in_seconds, "the time to answer is over")
            self._go_on_in_a_new_run_if_long()
            judged = await steps.judge_offer(self._order)
        return judged

    def _go_on_in_a_new_run_if_long(self) -> None:
        """A paused campaign is looked at each minute, however many days it is paused.

        A patch a stretch: a run that was long before there was one goes on in a new one as well.
        """
        stretch = workflow.info().get_current_history_length() // self._order.longest_history
        if stretch and workflow.patched(f"long-pauses-{stretch}"):
            workflow.continue_as_new(replace(self._order, is_asked=True))

    async def _wait(self, seconds: float, summary: str) -> None:
        try:
            await workflow.wait_condition(
                lambda: self._has_answered,
                timeout=timedelta(seconds=seconds),
                timeout_summary=summary,
            )
        except TimeoutError:
            return
        self._has_answered = False

    async def _carry_out(self, judged: Judged) -> None:
        try:
            if judged.verdict is Verdict.MOVE:
                await self._move(judged)
            elif judged.verdict is Verdict.CANCEL:
                await self._cancel(judged)
        except (ChildWorkflowError, WorkflowAlreadyStartedError):
            return  # somebody else has the visit in hand; it stays on the call list if not

    async def _move(self, judged: Judged) -> None:
        visit, offer = judged.visit, judged.offer
        move = Move(
            appointment_id=visit.appointment_id,
            attempt_id=workflow.uuid4(),
            patient_id=visit.patient_id,
            version=visit.version or 1,
            previous=Placement(
                doctor_id=visit.doctor_id,
                clinic_id=visit.clinic_id,
                starts_at=visit.starts_at,
                ends_at=visit.ends_at or visit.starts_at,
            ),
            doctor_id=offer.doctor_id,
            clinic_id=offer.clinic_id,
            starts_at=offer.starts_at,
            leaves_day=True,
            reason=CancelReason.CLINIC_REQUEST,
            actor=SYSTEM,
        )
        await workflow.execute_child_workflow(
            RESCHEDULE_APPOINTMENT,
            move,
            id=reschedule_workflow_id(move.appointment_id, move.version),
            task_queue=BOOKINGS,
            **labels_of_move(move),
        )

    async def _cancel(self, judged: Judged) -> None:
        visit = judged.visit
        cancellation = Cancellation(
            appointment_id=visit.appointment_id,
            attempt_id=workflow.uuid4(),
            patient_id=visit.patient_id,
            doctor_id=visit.doctor_id,
            clinic_id=visit.clinic_id,
            starts_at=visit.starts_at,
            version=visit.version or 1,
            reason=CancelReason.CLINIC_REQUEST,
            actor=SYSTEM,
        )
        await workflow.execute_child_workflow(
            CANCEL_APPOINTMENT,
            cancellation,
            id=cancel_workflow_id(cancellation.appointment_id),
            task_queue=BOOKINGS,
            **labels_of_cancellation(cancellation),
        )

    async def _tell_campaign(self, signal: str, about: UUID | None = None) -> None:
        """The campaign's run may have ended: it looks at the rows anyway."""
        campaign = workflow.get_external_workflow_handle(
            campaign_workflow_id(self._order.campaign_id)
        )
        try:
            await campaign.signal(signal, args=[] if about is None else [about])
        except FailureError:
            return

    @workflow.signal(description="The patient has answered: look at the rows.")
    def answered(self) -> None:
        self._has_answered = True
