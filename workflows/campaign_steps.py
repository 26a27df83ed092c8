"""The steps of a campaign: which activity, how long it may take, its label in the Temporal UI."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.campaigns import Campaigns
from domain.campaign import CampaignLook, CampaignOrder, Judged, Offer, ReofferOrder

ONE_TRY = timedelta(seconds=20)
UNTIL_DONE = RetryPolicy(maximum_interval=timedelta(seconds=10))


def _until_done(label: str) -> workflow.ActivityConfig:
    return workflow.ActivityConfig(
        start_to_close_timeout=ONE_TRY, retry_policy=UNTIL_DONE, summary=label
    )


async def look_at_campaign(order: CampaignOrder) -> CampaignLook:
    config = _until_done("who is next, and how everybody stands")
    return await workflow.execute_activity_method(Campaigns.look_at_campaign, order, **config)


async def offer_another_time(order: ReofferOrder) -> Offer | None:
    config = _until_done("hold another time for the visit")
    return await workflow.execute_activity_method(Campaigns.offer_another_time, order, **config)


async def judge_offer(order: ReofferOrder) -> Judged:
    config = _until_done("has the patient answered; if not, what the clinic does")
    return await workflow.execute_activity_method(Campaigns.judge_offer, order, **config)
