"""For operations: does the process live, can it book, what does it count."""

from fastapi import APIRouter
from starlette.responses import Response

from adapters.process.metrics import CONTENT_TYPE, exposition
from api.dependencies import ReadinessDep
from api.http.actor import FOR_ANYBODY_FREELY, MetricsCaller
from api.http.answers import NO_STORE, JsonAnswer
from api.http.health_schemas import EXAMPLE_READINESS, HealthBody, ReadinessBody
from api.http.strict_query import StrictRoute

NOT_READY = {
    "status": "unavailable",
    "dependencies": {"postgres": "up", "temporal": "down", "redis": "up", "kafka": "up"},
}
COUNTS = """# HELP priyom_http_requests_total HTTP requests, by route template, method and status
# TYPE priyom_http_requests_total counter
priyom_http_requests_total{method="POST",route="/api/v1/appointments",status="201"} 12.0
"""

router = APIRouter(tags=["operations"], route_class=StrictRoute)


@router.get(
    "/healthz",
    response_model=HealthBody,
    summary="Does the process live?",
    dependencies=[FOR_ANYBODY_FREELY],
)
async def healthz() -> Response:
    """200 as long as the process answers at all."""
    return JsonAnswer({"status": "ok"}, headers=NO_STORE)


@router.get(
    "/readyz",
    response_model=ReadinessBody,
    responses={
        200: {"content": {"application/json": {"example": EXAMPLE_READINESS}}},
        503: {
            "model": ReadinessBody,
            "description": "PostgreSQL or Temporal is away",
            "content": {"application/json": {"example": NOT_READY}},
        },
    },
    summary="Can it book?",
    dependencies=[FOR_ANYBODY_FREELY],
)
async def readyz(watch: ReadinessDep) -> Response:
    """Redis and Kafka away are told, yet bookings go on without them."""
    readiness = await watch.look()
    return JsonAnswer(
        {
            "status": "ready" if readiness.is_ready else "unavailable",
            "dependencies": dict(readiness.dependencies),
        },
        status_code=200 if readiness.is_ready else 503,
        headers=NO_STORE,
    )


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": COUNTS}}}},
    summary="Counts and times for Prometheus",
)
async def metrics(_: MetricsCaller) -> Response:
    """Requests by route and status, refusals by code, the process itself."""
    return Response(await exposition(), media_type=CONTENT_TYPE)
