"""A clinic whose clocks change: its doctors' shifts are published anew, behind the answer."""

from datetime import timedelta
from uuid import UUID

import structlog
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from adapters.temporal.client import TemporalConnection
from domain.plan import PublishOrder
from workflows.names import PLANS, PUBLISH_SCHEDULE
from workflows.publish_shifts import PublishShifts

BEGUN_WITHIN = timedelta(seconds=2)

log = structlog.get_logger(__name__)


class Publishing:
    """Begins the run that publishes; what could not be begun is published at night."""

    def __init__(self, temporal: TemporalConnection, *, horizon_days: int) -> None:
        self._temporal = temporal
        self._horizon_days = horizon_days

    async def begin(self, clinic_id: UUID, version: int) -> None:
        """For this version of the clinic; a run of an older one publishes by the same clocks."""
        order = PublishOrder(horizon_days=self._horizon_days, clinic_id=clinic_id)
        try:
            await self._temporal.client.start_workflow(
                PublishShifts.run,
                order,
                id=f"{PUBLISH_SCHEDULE}-{clinic_id}-{version}",
                task_queue=PLANS,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary="publish doctors' shifts: the clinic has another time zone",
                rpc_timeout=BEGUN_WITHIN,
            )
        except (RPCError, ConnectionError) as error:
            log.warning("shifts_are_published_at_night", error=type(error).__name__)
