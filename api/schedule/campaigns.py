"""How a campaign stands, and its pace. The API and the pages ask it here."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from adapters.postgres.campaign_rows import Campaign, Pace, find_campaign, set_pace
from adapters.postgres.database import Database
from adapters.postgres.reads import read_by_cursor
from adapters.postgres.transactions import serializable
from api.http.actor import Caller
from domain.errors import CampaignNotFound, Changed
from domain.permissions import Whose


@dataclass(frozen=True, kw_only=True)
class Campaigns:
    """Every question asks whether its caller may."""

    database: Database

    async def find(self, campaign_id: UUID, by: Caller) -> Campaign:
        """Raises `CampaignNotFound`, also for that of others."""
        let_in = partial(by.check, hidden=CampaignNotFound)
        ask = partial(find_campaign, campaign_id=campaign_id, let_in=let_in)
        return await read_by_cursor(self.database, ask)

    async def set_pace(self, campaign_id: UUID, pace: Pace, by: Caller) -> Campaign:
        """Raises `Changed` for one that was stopped."""
        seen = await self.find(campaign_id, by)
        actor = by.check(whose_campaign(seen), hidden=CampaignNotFound)
        change = partial(set_pace, campaign_id=campaign_id, pace=pace, actor=actor.ref)
        await serializable(self.database, change)
        paced = await self.find(campaign_id, by)
        if paced.pace is Pace.STOPPED and pace is not Pace.STOPPED:
            raise Changed
        return paced


def whose_campaign(campaign: Campaign) -> Whose:
    return Whose(clinic_id=campaign.clinic_id, practitioner_id=campaign.practitioner_id)
