"""The desk for receipts: the key that signs them, and what stands in for a failed channel."""

import asyncio
from datetime import timedelta

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from adapters.postgres.consents import Channel
from adapters.temporal.client import TemporalConnection
from api.booking.temporal_errors import NoAnswer
from domain.news import News
from workflows.deliver_instead import DeliverInstead, Unheard
from workflows.names import DELIVERIES

PATIENCE_SECONDS = 2.0


class Receipts:
    """An empty key refuses every receipt."""

    def __init__(self, temporal: TemporalConnection, key: bytes) -> None:
        self._temporal = temporal
        self.key = key

    async def deliver_instead(self, news: News, *, failed: Channel) -> None:
        """Once for each. Raises NoAnswer: the provider says it again, and it is done then."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._temporal.client.start_workflow(
                    DeliverInstead.run,
                    Unheard(event=news, by=failed.value),
                    id=f"instead-{news.event_id}",
                    task_queue=DELIVERIES,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    static_summary=f"{news.kind.name}: stand in for {failed}, which did not arrive",
                    rpc_timeout=timedelta(seconds=PATIENCE_SECONDS),
                )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, TimeoutError, ConnectionError) as error:
            raise NoAnswer(news.appointment_id) from error
