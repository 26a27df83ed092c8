"""Begins the deliveries anew that Temporal has lost: a message waits for the morning in its run.

The record says that it is under way, so nobody else begins it again: neither Kafka, which has been
read, nor the reminders, of which each is begun once.
"""

import asyncio

import psycopg
from structlog import get_logger
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.postgres.database import Database
from adapters.postgres.news_under_way import news_under_way
from adapters.postgres.reads import read
from adapters.temporal.runs import lost
from domain.news import News
from domain.reminders import Reminder, remind_workflow_id
from notifier.deliveries import Deliveries

EVERY_SECONDS = 600.0

log = get_logger(__name__)


async def keep_deliveries(client: Client, database: Database) -> None:
    """For ever; run it as a task. Several processes at once begin each run once."""
    while True:
        try:
            await begin_lost(client, database)
        except (RPCError, psycopg.Error) as error:
            log.warning("lost_deliveries_not_looked_for", error=type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)


async def begin_lost(client: Client, database: Database) -> None:
    """Once: those under way of which Temporal knows no run, neither open nor ended."""
    under_way = {_run_of(each): each for each in await read(database, news_under_way)}
    deliveries = Deliveries(client)
    for news in await lost(client, under_way):
        log.warning("delivery_was_lost", appointment=news.appointment_id)
        if isinstance(news, Reminder):
            await deliveries.remind(news)
        else:
            await deliveries.start(news)


def _run_of(news: News) -> str:
    return remind_workflow_id(news) if isinstance(news, Reminder) else str(news.event_id)
