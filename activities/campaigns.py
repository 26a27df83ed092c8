"""Campaigns: who is next, another time for one visit, and what comes of silence."""

from temporalio import activity

from activities.refusals import told_to_temporal
from adapters.postgres import campaign_runs, offers
from adapters.postgres.database import Database
from adapters.postgres.transactions import TransactionLimit
from domain.campaign import CampaignLook, CampaignOrder, Judged, Offer, ReofferOrder
from domain.quiet_hours import QuietHours

CONCURRENT_OFFERS = 2
"""Bookings go first: more offers at once would only cost them conflicts."""


class Campaigns:
    """Effects on the visits of a campaign."""

    def __init__(self, database: Database, quiet_hours: QuietHours) -> None:
        self._database = database
        self._quiet_hours = quiet_hours
        self._turns = TransactionLimit(CONCURRENT_OFFERS)

    @activity.defn
    async def look_at_campaign(self, order: CampaignOrder) -> CampaignLook:
        """Idempotent: it takes in who has been confirmed in the closed time, once."""
        with told_to_temporal():
            return await campaign_runs.look_at_campaign(self._database, order)

    @activity.defn
    async def offer_another_time(self, order: ReofferOrder) -> Offer | None:
        """Idempotent: a second run finds what the first one has offered."""
        with told_to_temporal():
            return await offers.offer_another_time(
                self._database, self._turns, order, self._quiet_hours
            )

    @activity.defn
    async def judge_offer(self, order: ReofferOrder) -> Judged:
        """Idempotent: a second run judges the same."""
        with told_to_temporal():
            return await offers.judge_offer(self._database, order, self._quiet_hours)
