"""The API as an application: its routes, its edge, and what is opened while it runs."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import APIRouter, FastAPI

from adapters.process.settings import VERSION
from api.http.actor import permissions_of
from api.http.answers import answer_exceptions
from api.http.middleware import BodyLimit, Deadline, RequestContext
from api.http.openapi import Document, describe
from api.http.origins import CrossOrigin, OnlyOwn, Origins, TemporalUi
from api.http.public_path import PublicPath, root_of
from api.http.streams import Streams
from api.http.strict_query import operation_name
from api.page.problem_pages import ProblemPages
from api.routes import (
    appeal_pages,
    appointments,
    attendance,
    attendance_pages,
    booking_pages,
    calendar_pages,
    campaign_pages,
    campaigns,
    codec,
    consents,
    desk_calls,
    desk_hours,
    desk_moves,
    desk_times,
    desk_visits,
    directory,
    doctor_pages,
    doctor_week_pages,
    exceptions,
    imports,
    inbound,
    inboxes,
    link_pages,
    manage_doctor_pages,
    manage_exception_pages,
    manage_import_pages,
    manage_pages,
    manage_rule_pages,
    me,
    move_pages,
    operations,
    ops_page,
    pages,
    patient_pages,
    patients,
    plans,
    proxies,
    proxy_pages,
    receipts,
    record_pages,
    rules,
    schedule,
    setup,
    sign_in,
    slots,
    staff_pages,
    trail,
    visit_pages,
)
from api.schedule.schedule_fast_path import ScheduleFastPath
from api.services import Services

ANSWER_WITHIN_SECONDS = 5.0

NO_ORIGINS = Origins()

PRODUCT = (
    *(me, trail, patients, proxies, attendance, consents, inboxes),
    *(
        directory,
        setup,
        rules,
        plans,
        imports,
        exceptions,
        campaigns,
        schedule,
        slots,
        receipts,
        inbound,
    ),
)
PAGES = (
    *(sign_in, operations, codec, pages, booking_pages, visit_pages, move_pages, link_pages),
    *(staff_pages, desk_visits, desk_moves, attendance_pages, desk_times, doctor_pages),
    *(appeal_pages, proxy_pages),
    *(desk_calls, desk_hours, manage_import_pages),
    *(calendar_pages, ops_page, manage_pages, manage_doctor_pages, manage_exception_pages),
    *(campaign_pages, manage_rule_pages, doctor_week_pages, patient_pages, record_pages),
)

OpenServices = Callable[[], AbstractAsyncContextManager[Services]]


class Described(FastAPI):
    """FastAPI's own description would be kept in place of ours, whoever asked for it first."""

    def openapi(self) -> Document:
        return describe(self)


def create_app(
    open_services: OpenServices,
    *,
    answer_within_seconds: float,
    origins: Origins = NO_ORIGINS,
) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services() as services:
            app.state.services = services
            yield
            del app.state.services

    app = Described(
        title="Priyom",
        version=VERSION,
        lifespan=lifespan,
        # FastAPI matches an included router's routes once more at each level of inclusion: those
        # of a booking are the application's own.
        routes=list(appointments.router.routes),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_name,
    )
    app.state.streams = Streams()
    app.state.origins = origins
    # the last one added is the outermost
    app.add_middleware(BodyLimit, answer_within_seconds=answer_within_seconds)
    app.add_middleware(Deadline, seconds=answer_within_seconds)
    app.add_middleware(ScheduleFastPath, seconds=answer_within_seconds)
    app.add_middleware(OnlyOwn, origins=origins)
    if origins.allowed:
        app.add_middleware(CrossOrigin, origins=origins)
    if origins.of_temporal_ui:
        app.add_middleware(TemporalUi, origins=origins)
    app.add_middleware(RequestContext)
    app.add_middleware(ProblemPages)
    app.add_middleware(PublicPath, root=root_of(origins.public))
    answer_exceptions(app)
    product = APIRouter(prefix="/api/v1")
    for part in PRODUCT:
        product.include_router(part.router)
    app.include_router(product)
    for page in PAGES:
        app.include_router(page.router)
    for _route, _action in permissions_of(app):
        pass  # raises for a route that does not say who may call it
    return app
