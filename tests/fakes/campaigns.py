"""A campaign in memory: visits that are to be asked, and what was offered to each."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID, uuid4

from temporalio import activity

from domain.booking import Appointment, Status
from domain.campaign import CampaignLook, CampaignOrder, Judged, Offer, ReofferOrder, Verdict
from tests.builders import MONDAY_NINE, an_appointment

LONG = 3600.0
PAUSED = 60.0


@dataclass
class FakeCampaign:
    """`left` are those not asked yet; `verdict` is what silence comes to."""

    left: list[UUID]
    verdict: Verdict = Verdict.CALL
    pace: str = "running"
    offers: dict[UUID, Offer] = field(default_factory=dict)
    answered: set[UUID] = field(default_factory=set)
    declined: set[UUID] = field(default_factory=set)
    """Those who decline what they are offered, and are offered other times."""
    rounds: int = 2
    nothing_else_free: bool = False
    reminded: set[UUID] = field(default_factory=set)
    settled: set[UUID] = field(default_factory=set)
    window: int = 2
    too_early: int = 0
    """So often it is looked before the reminder is due."""
    looks_while_paused: int = 0
    after_the_reminder: int = 0
    """So often it is looked between the reminder and the end."""
    queue: str = field(default_factory=lambda: f"campaigns-{uuid4()}")
    """Its own: a run that another test has left open would ask these visits as well."""

    @activity.defn
    async def look_at_campaign(self, order: CampaignOrder) -> CampaignLook:
        free = max(0, self.window - len(order.in_flight))
        to_ask = [each for each in self.left if each not in order.in_flight][:free]
        asked = len(self.offers) - len(self.settled)
        parts = {"left": len(self.left), "asked": asked, "silent": len(self.settled)}
        return CampaignLook(pace=self.pace, parts=parts, to_ask=to_ask, open_holds=0)

    @activity.defn
    async def offer_another_time(self, order: ReofferOrder) -> Offer | None:
        known = self.offers.get(order.appointment_id)
        if known is not None and known.offer.appointment_id == order.offer_id:
            return known
        if self.pace != "running" or (known is not None and self.nothing_else_free):
            return None
        visit = an_appointment(
            appointment_id=order.appointment_id,
            status=Status.CONFIRMED,
            version=2,
            confirmed_at=MONDAY_NINE,
        )
        offer = replace(
            visit,
            appointment_id=order.offer_id,
            status=Status.HELD,
            version=1,
            starts_at=MONDAY_NINE + timedelta(days=1),
            ends_at=MONDAY_NINE + timedelta(days=1, minutes=30),
            created_at=MONDAY_NINE,
            origin="offer",
        )
        made = Offer(offer=offer, visit=visit, remind_in_seconds=LONG / 2, ends_in_seconds=LONG)
        self.offers[order.appointment_id] = made
        if order.round == 1:
            self.left.remove(order.appointment_id)
        return made

    @activity.defn
    async def judge_offer(self, order: ReofferOrder) -> Judged:
        made = self.offers[order.appointment_id]
        if order.appointment_id in self.answered:
            self.settled.add(order.appointment_id)
            return self._judged(made, Verdict.ANSWERED)
        if order.appointment_id in self.declined and order.round < self.rounds:
            return self._judged(made, Verdict.ASK_AGAIN)
        if self.pace == "paused":
            self.looks_while_paused += 1
            return replace(self._judged(made, Verdict.WAIT), in_seconds=PAUSED, reminds=False)
        if self.too_early:
            self.too_early -= 1
            return replace(self._judged(made, Verdict.WAIT), in_seconds=LONG / 2, reminds=False)
        is_reminded = made.offer.appointment_id in self.reminded
        if not is_reminded or self.after_the_reminder:
            self.after_the_reminder -= is_reminded
            self.reminded.add(made.offer.appointment_id)
            return replace(self._judged(made, Verdict.WAIT), in_seconds=LONG / 2)
        self.settled.add(order.appointment_id)
        return self._judged(made, self.verdict)

    def _judged(self, made: Offer, verdict: Verdict) -> Judged:
        return Judged(verdict=verdict, visit=made.visit, offer=made.offer)


def visits(number: int) -> list[UUID]:
    return [uuid4() for _ in range(number)]


def rows_of(campaign: FakeCampaign) -> dict[UUID, Appointment]:
    """The visits that were offered something, as the clinic's table has them."""
    return {made.visit.appointment_id: made.visit for made in campaign.offers.values()}
