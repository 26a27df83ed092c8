"""The page that operations open first; each figure leads to what explains it."""

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import DashboardDep
from api.page.rendering import page
from api.page.visitor import Anybody

router = APIRouter(include_in_schema=False)

BOOKINGS = "WorkflowType = 'BookAppointment'"
OPEN = f"{BOOKINGS} AND ExecutionStatus = 'Running'"
LAPSED = f"{BOOKINGS} AND AppointmentStatus = 'expired'"
CONFIRMED = f"{BOOKINGS} AND AppointmentStatus = 'confirmed'"
REFUSED = f"{BOOKINGS} AND AppointmentStatus = 'refused'"
DELIVERIES = "TaskQueue = 'deliveries' AND ExecutionStatus = 'Running'"
GIVEN_BACK = "WorkflowType = 'CancelAppointment'"
DELIVERED = "TaskQueue = 'deliveries'"
FAILED = "ExecutionStatus = 'Failed'"
AUDITS = "WorkflowType = 'AuditBookings'"


@router.get("/ops")
async def ops(visitor: Anybody, dashboard: DashboardDep) -> Response:
    """Holds, lapses, conflicts, deliveries and the last audit; runs are looked at in Temporal."""
    links = {
        "held": dashboard.runs(OPEN),
        "lapsed": dashboard.runs(LAPSED),
        "confirmed": dashboard.runs(CONFIRMED),
        "refused": dashboard.runs(REFUSED),
        "undelivered": dashboard.runs(DELIVERIES),
        "cancelled": dashboard.runs(GIVEN_BACK),
        "delivered": dashboard.runs(DELIVERED),
        "failed": dashboard.runs(FAILED),
        "audits": dashboard.runs(AUDITS),
    }
    room = await dashboard.look()
    audit = None if room.audit is None else dashboard.run(room.audit.workflow_id)
    return page(visitor, "ops.html", here="ops", room=room, links=links, audit=audit)
