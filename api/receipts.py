"""The desk for receipts: the key that signs them, and what stands in for a failed channel."""

import asyncio
import hashlib
import hmac
import re
from datetime import datetime, timedelta

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

TOLERANCE = timedelta(minutes=5)
"""An overheard receipt is worth nothing afterwards; a provider's clock may be so far off."""

SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})", re.ASCII)


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


def signature(key: bytes, provider: str, body: bytes, *, at: datetime) -> str:
    """The header that goes with this body: `t=<unix seconds>,v1=<hex>`."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_mac(key, seconds, provider, body)}"


def signs(given: str, key: bytes, provider: str, body: bytes, *, now: datetime) -> bool:
    """Whether the header was made with this key for this body, a moment ago."""
    found = SIGNATURE.fullmatch(given)
    if not key or found is None:
        return False
    seconds = int(found[1])
    is_ours = hmac.compare_digest(found[2], _mac(key, seconds, provider, body))
    return is_ours and abs(now.timestamp() - seconds) <= TOLERANCE.total_seconds()


def _mac(key: bytes, seconds: int, provider: str, body: bytes) -> str:
    return hmac.new(key, f"{seconds}.{provider}.".encode() + body, hashlib.sha256).hexdigest()
