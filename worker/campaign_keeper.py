"""Begins the runs of campaigns, and tells them of another pace and of answers: by the rows.

So whoever makes or pauses a campaign, or answers an offer, by whatever way, needs no Temporal, and
a word that is lost is said again. So is a run: a Temporal that was restored, or begins anew, knows
nothing of those whom it was to ask, or has asked.
"""

import asyncio
from uuid import UUID

import psycopg
from structlog import get_logger
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres.campaign_runs import (
    answered_offers,
    heard_of_answer,
    unanswered_offers,
    unfinished_campaigns,
    unseen_campaigns,
)
from adapters.postgres.database import Database
from adapters.temporal.runs import lost
from domain.campaign import CampaignOrder, campaign_workflow_id, reoffer_workflow_id
from workflows.change_schedule import ChangeSchedule
from workflows.names import CAMPAIGNS
from workflows.reoffer_visit import ReofferVisit
from workflows.starting import summary_of_offer

LOOK_EVERY_SECONDS = 1.0
LOST_EVERY_SECONDS = 60.0
"""So often it is looked whether a run is lost."""

log = get_logger(__name__)


async def keep_campaigns(client: Client, database: Database) -> None:
    """For ever; run it as a task. Several processes at once begin each run once."""
    clock = asyncio.get_running_loop().time
    lost_are_sought_at = clock()
    while True:
        try:
            await tell_campaigns(client, database)
            await tell_offers(client, database)
            if clock() >= lost_are_sought_at:
                await begin_lost_campaigns(client, database)
                await begin_lost_offers(client, database)
                lost_are_sought_at = clock() + LOST_EVERY_SECONDS
        except (RPCError, psycopg.Error) as error:
            log.warning("campaigns_not_told", error=type(error).__name__)
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def tell_campaigns(client: Client, database: Database) -> None:
    """Once: each that has news hears that it has."""
    for campaign_id in await unseen_campaigns(database):
        await _begin(client, campaign_id, word="look")


async def begin_lost_campaigns(client: Client, database: Database) -> None:
    """Once: the run of each campaign that has somebody to ask, unless it is at work."""
    for campaign_id in await unfinished_campaigns(database):
        await _begin(client, campaign_id)


async def begin_lost_offers(client: Client, database: Database) -> None:
    """Once: the offers that nobody has answered, and of which Temporal knows no run."""
    unanswered = {reoffer_workflow_id(each): each for each in await unanswered_offers(database)}
    for order in await lost(client, unanswered):
        log.warning("offer_was_lost", appointment=str(order.appointment_id))
        try:
            await client.start_workflow(
                ReofferVisit.run,
                order,
                id=reoffer_workflow_id(order),
                task_queue=CAMPAIGNS,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=summary_of_offer(order),
            )
        except WorkflowAlreadyStartedError:
            continue


async def tell_offers(client: Client, database: Database) -> None:
    """Once: each that was answered hears that it was. A run that has ended need not hear."""
    for order in await answered_offers(database):
        run = client.get_workflow_handle_for(ReofferVisit.run, reoffer_workflow_id(order))
        try:
            await run.signal(ReofferVisit.answered)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        await heard_of_answer(database, order)


async def _begin(client: Client, campaign_id: UUID, word: str | None = None) -> None:
    """Unless it is at work; a word is heard by either."""
    await client.start_workflow(
        ChangeSchedule.run,
        CampaignOrder(campaign_id=campaign_id),
        id=campaign_workflow_id(campaign_id),
        task_queue=CAMPAIGNS,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal=word,
        static_summary="offer another time to everybody who is affected",
    )
