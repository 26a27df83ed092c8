"""Offer another time to everybody whom a closed time affects: a window of them is asked at once.

The rows say who is left, who was asked and who has answered; this run only keeps the window full.
It hears of what is new by signals, and looks by itself now and then. Its children outlive it.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.campaign import CampaignLook, CampaignOrder, ReofferOrder, reoffer_workflow_id
from workflows import campaign_steps as steps
from workflows.names import REOFFER_VISIT
from workflows.starting import summary_of_offer

LOOK_AGAIN_AFTER = timedelta(minutes=5)
"""Signals bring news; one that was lost is made up for by this."""


@workflow.defn
class ChangeSchedule:
    """One campaign, until nobody is left to ask or to answer."""

    @workflow.init
    def __init__(self, order: CampaignOrder) -> None:
        self._order = order
        self._in_flight = set(order.in_flight)
        self._parts: dict[str, int] = {}
        self._news = 0

    @workflow.run
    async def run(self, _order: CampaignOrder) -> dict[str, int]:
        while True:
            heard = self._news
            look = await steps.look_at_campaign(self._now)
            self._show(look)
            for appointment_id in look.to_ask if look.pace == "running" else ():
                await self._begin(appointment_id)
            if look.is_over and not self._in_flight:
                return self._parts
            if workflow.info().get_current_history_length() > self._order.longest_history:
                workflow.continue_as_new(self._now)
            await self._hear_of_more_than(heard)

    @property
    def _now(self) -> CampaignOrder:
        in_flight = sorted(self._in_flight, key=str)
        return replace(self._order, in_flight=in_flight)

    async def _begin(self, appointment_id: UUID) -> None:
        order = ReofferOrder(campaign_id=self._order.campaign_id, appointment_id=appointment_id)
        self._in_flight.add(appointment_id)
        try:
            await workflow.start_child_workflow(
                REOFFER_VISIT,
                order,
                id=reoffer_workflow_id(order),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=summary_of_offer(order),
            )
        except WorkflowAlreadyStartedError:
            self._in_flight.discard(appointment_id)

    async def _hear_of_more_than(self, heard: int) -> None:
        try:
            await workflow.wait_condition(
                lambda: self._news > heard,
                timeout=LOOK_AGAIN_AFTER,
                timeout_summary="look again",
            )
        except TimeoutError:
            return

    def _show(self, look: CampaignLook) -> None:
        self._parts = look.parts
        lines = [f"**{look.pace}**", "", *(f"- {part}: {n}" for part, n in look.parts.items())]
        workflow.set_current_details("\n".join(lines))

    @workflow.signal(description="Somebody was asked, or could not be.")
    def asked(self, appointment_id: UUID) -> None:
        self._in_flight.discard(appointment_id)
        self._news += 1

    @workflow.signal(description="Somebody has answered, or the pace is another.")
    def look(self) -> None:
        self._news += 1

    @workflow.query(description="How many visits stand where, as of the last look.")
    def progress(self) -> dict[str, int]:
        return self._parts
