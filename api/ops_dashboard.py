"""What the operations page shows: figures of the database, Kafka's lag, the last audit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import quote
from uuid import UUID

import psycopg
from prometheus_client import REGISTRY
from structlog import get_logger
from temporalio.client import (
    ScheduleActionExecutionStartWorkflow,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.service import RPCError

from adapters.kafka.brokers import KafkaServers
from adapters.kafka.events import APPOINTMENTS, GROUP
from adapters.kafka.lag import lag_of
from adapters.postgres.attendance_rates import OfSpecialty, attendance_rates
from adapters.postgres.booking_search import Kept
from adapters.postgres.database import Connection, Database
from adapters.postgres.operations import Figures, LastAudit, figures
from adapters.postgres.reads import read
from adapters.postgres.zone_rules import zones_told_otherwise
from adapters.process.time_zones import VERSION
from adapters.prometheus.alerts import Alert, firing_alerts
from adapters.temporal.client import TemporalConnection, configured_namespace
from adapters.temporal.codec import SealedPayloadError
from api.booking.story import RunTold, runs_of
from domain.audit import AuditReport
from workflows.names import AUDIT_SCHEDULE

ASKED_SECONDS = 2.0
COMPARED_AGAIN_SECONDS = 5.0

Answer = TypeVar("Answer")

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ControlRoom:
    """Null where the part that knows does not answer.

    `conflicts` are the refusals of this API process since it began, by code.
    """

    figures: Figures | None
    lag: int | None
    audit: LastAudit | None
    conflicts: dict[str, int]
    alerts: list[Alert] | None
    """Those that fire; null where no Prometheus is named, or it does not answer."""
    watched: bool
    """Whether a Prometheus is named."""
    zones_otherwise: list[str] | None
    """Clinics' zones whose times PostgreSQL's tz database tells otherwise than ours."""

    attendance: Sequence[OfSpecialty] | None

    tzdata: str = VERSION


class Dashboard:
    """Asks every part at once, none of them for long."""

    def __init__(
        self,
        database: Database,
        temporal: TemporalConnection,
        kafka: KafkaServers,
        *,
        ui: str,
        prometheus: str = "",
    ) -> None:
        self._database = database
        self._temporal = temporal
        self._lag = partial(lag_of, kafka, group=GROUP, topic=APPOINTMENTS)
        self._prometheus = prometheus
        self._ui = f"{ui.rstrip('/')}/namespaces/{configured_namespace()}"

    async def look(self) -> ControlRoom:
        async with asyncio.TaskGroup() as asked:
            counted = asked.create_task(self._read(figures, "figures_not_read"))
            rates = asked.create_task(self._read(attendance_rates, "attendance_not_read"))
            lag = asked.create_task(self._lag())
            audit = asked.create_task(self._audit())
            zones = asked.create_task(self._zones_otherwise())
            alerts = asked.create_task(self._alerts())
        return ControlRoom(
            figures=counted.result(),
            lag=lag.result(),
            audit=audit.result(),
            conflicts=_conflicts(),
            alerts=alerts.result(),
            watched=bool(self._prometheus),
            zones_otherwise=zones.result(),
            attendance=rates.result(),
        )

    async def runs_of(self, appointment_id: UUID, kept: Kept | None) -> list[RunTold] | None:
        """Null where Temporal does not answer."""
        try:
            return await runs_of(self._temporal.client, appointment_id, kept)
        except (RPCError, TimeoutError, OSError) as error:
            log.warning("runs_not_read", error=type(error).__name__)
            return None

    async def compare_time_zones(self) -> None:
        """Once, as soon as PostgreSQL answers: the log says whether the tz databases agree."""
        otherwise = await self._zones_otherwise()
        while otherwise is None:
            await asyncio.sleep(COMPARED_AGAIN_SECONDS)
            otherwise = await self._zones_otherwise()
        if otherwise:
            log.warning("time_zones_differ", tzdata=VERSION, by_postgres_otherwise=otherwise)
        else:
            log.info("time_zones_agree", tzdata=VERSION)

    def runs(self, query: str) -> str:
        """Where the Temporal UI lists the runs that the query finds."""
        return f"{self._ui}/workflows?query={quote(query)}"

    def run(self, workflow_id: str) -> str:
        return f"{self._ui}/workflows/{quote(workflow_id)}"

    async def _read(
        self, work: Callable[[Connection], Awaitable[Answer]], unread: str
    ) -> Answer | None:
        """Null, and a line in the log, where the database does not answer."""
        try:
            return await read(self._database, work)
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning(unread, error=type(error).__name__)
            return None

    async def _zones_otherwise(self) -> list[str] | None:
        return await self._read(zones_told_otherwise, "time_zones_not_compared")

    async def _alerts(self) -> list[Alert] | None:
        return await firing_alerts(self._prometheus) if self._prometheus else None

    async def _audit(self) -> LastAudit | None:
        try:
            async with asyncio.timeout(ASKED_SECONDS):
                return await self._last_audit()
        except (RPCError, TimeoutError, OSError, SealedPayloadError) as error:
            log.warning("audit_not_read", error=type(error).__name__)
            return None

    async def _last_audit(self) -> LastAudit | None:
        client = self._temporal.client
        schedule = await client.get_schedule_handle(AUDIT_SCHEDULE).describe()
        for begun in reversed(schedule.info.recent_actions):
            if not isinstance(begun.action, ScheduleActionExecutionStartWorkflow):
                continue
            workflow_id = begun.action.workflow_id
            handle = client.get_workflow_handle(workflow_id, result_type=AuditReport)
            run = await handle.describe()
            if run.status is WorkflowExecutionStatus.RUNNING:
                continue
            try:
                report = await handle.result()
            except WorkflowFailureError:
                report = None
            return LastAudit(workflow_id=workflow_id, ended_at=run.close_time, report=report)
        return None


def _conflicts() -> dict[str, int]:
    found: dict[str, int] = {}
    for code in ("slot_taken", "patient_busy", "hold_expired", "too_many_holds", "unavailable"):
        value = REGISTRY.get_sample_value("priyom_refusals_total", {"code": code})
        found[code] = int(value or 0)
    return found
