"""The page that operations open first; each figure leads to what explains it."""

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import DashboardDep
from api.http.actor import OperationsCaller
from api.page.rendering import page
from api.page.visitor import Anybody

router = APIRouter(include_in_schema=False)

RUNS = {
    "held": "WorkflowType = 'BookAppointment' AND ExecutionStatus = 'Running'",
    "lapsed": "WorkflowType = 'BookAppointment' AND AppointmentStatus = 'expired'",
    "confirmed": "WorkflowType = 'BookAppointment' AND AppointmentStatus = 'confirmed'",
    "refused": "WorkflowType = 'BookAppointment' AND AppointmentStatus = 'refused'",
    "undelivered": "TaskQueue = 'deliveries' AND ExecutionStatus = 'Running'",
    "cancelled": "WorkflowType = 'CancelAppointment'",
    "delivered": "TaskQueue = 'deliveries'",
    "failed": "ExecutionStatus = 'Failed'",
    "audits": "WorkflowType = 'AuditBookings'",
}
"""Which runs stand behind a figure."""


@router.get("/ops")
async def ops(_: OperationsCaller, visitor: Anybody, dashboard: DashboardDep) -> Response:
    """Holds, lapses, conflicts, deliveries and the last audit; runs are looked at in Temporal."""
    links = {name: dashboard.runs(query) for name, query in RUNS.items()}
    room = await dashboard.look()
    audit = None if room.audit is None else dashboard.run(room.audit.workflow_id)
    return page(visitor, "ops.html", here="ops", room=room, links=links, audit=audit)
