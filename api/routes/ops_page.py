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
async def ops(visitor: Anybody, watchman: DashboardDep) -> Response:
    """Holds, lapses, conflicts, deliveries and the last audit; runs are looked at in Temporal."""
    links = {
        "held": watchman.runs(OPEN),
        "lapsed": watchman.runs(LAPSED),
        "confirmed": watchman.runs(CONFIRMED),
        "refused": watchman.runs(REFUSED),
        "undelivered": watchman.runs(DELIVERIES),
        "cancelled": watchman.runs(GIVEN_BACK),
        "delivered": watchman.runs(DELIVERED),
        "failed": watchman.runs(FAILED),
        "audits": watchman.runs(AUDITS),
    }
    room = await watchman.look()
    audit = None if room.audit is None else watchman.run(room.audit.workflow_id)
    return page(visitor, "ops.html", here="ops", room=room, links=links, audit=audit)
