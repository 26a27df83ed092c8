"""What a route may ask for: the typed names of what the process has opened."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Request
from fastapi.params import Depends

from adapters.postgres.database import Database
from adapters.postgres.days import DayBook
from adapters.postgres.inbox_listener import InboxListener
from adapters.process.settings import Product, sign_in_of
from adapters.redis.cache import DayReader
from adapters.redis.day_changes import DayChanges
from api.booking.attendance import Attendance
from api.booking.commands import Commands
from api.booking.exchange import Exchanges
from api.booking.hold import Bookings
from api.booking.move import Moves
from api.http.actor import Callers
from api.http.streams import Streams
from api.ops_dashboard import Dashboard
from api.page.demo_desk import DemoPatients
from api.readiness import ReadinessProbe
from api.receipts import Receipts
from api.schedule.campaigns import Campaigns
from api.schedule.excepting import Exceptions
from api.schedule.importing import Importing
from api.schedule.live_days import LiveDays
from api.schedule.planning import Planning
from api.schedule.rendered_days import RenderedDays
from api.schedule.setting_up import Setup
from api.services import Services
from api.sign_in.pages import PageSignIn
from domain.visit_links import read_token


def _opened(choose: Callable[[Services], object]) -> Depends:
    async def service(request: Request) -> object:
        return choose(request.app.state.services)

    return Depends(service)


def _setup(services: Services) -> Setup:
    return Setup(
        database=services.database,
        callers=services.callers,
        publishing=services.publishing,
        issuer=sign_in_of(services.product),
    )


def _planning(services: Services) -> Planning:
    return Planning(
        database=services.database,
        changes=services.changes,
        horizon_days=services.product.horizon_days,
    )


def _exceptions(services: Services) -> Exceptions:
    return Exceptions(
        database=services.database,
        changes=services.changes,
        horizon_days=services.product.horizon_days,
    )


async def _streams(request: Request) -> Streams:
    streams = request.app.state.streams
    assert isinstance(streams, Streams)  # noqa: S101 - the application was made with it
    return streams


async def _link_key(request: Request) -> bytes:
    """The key that the link was signed with: the one before goes on while it is named."""
    services: Services = request.app.state.services
    token = request.path_params.get("token", "")
    return next(
        (key for key in services.link_keys if read_token(key, token)), services.link_keys[0]
    )


DatabaseDep = Annotated[Database, _opened(lambda services: services.database)]
Book = Annotated[DayBook, _opened(lambda services: services.book)]
Days = Annotated[DayReader, _opened(lambda services: services.days)]
WrittenPages = Annotated[RenderedDays, _opened(lambda services: services.rendered)]
DayChangesDep = Annotated[DayChanges, _opened(lambda services: services.changes)]
WatchedDays = Annotated[LiveDays, _opened(lambda services: services.live)]
BookingsDep = Annotated[Bookings, _opened(lambda services: services.bookings)]
MovesDep = Annotated[Moves, _opened(lambda services: services.moves)]
ExchangesDep = Annotated[Exchanges, _opened(lambda services: services.exchanges)]
AttendanceDep = Annotated[Attendance, _opened(lambda services: services.attendance)]
ImportingDep = Annotated[Importing, _opened(lambda services: services.importing)]
SetupDep = Annotated[Setup, _opened(_setup)]
ExceptionsDep = Annotated[Exceptions, _opened(_exceptions)]
CampaignsDep = Annotated[Campaigns, _opened(lambda services: Campaigns(database=services.database))]
PlanningDep = Annotated[Planning, _opened(_planning)]
CommandsDep = Annotated[Commands, _opened(lambda services: services.commands)]
DashboardDep = Annotated[Dashboard, _opened(lambda services: services.dashboard)]
ReceiptsDep = Annotated[Receipts, _opened(lambda services: services.receipts)]
LinkKeyDep = Annotated[bytes, Depends(_link_key)]
ReadinessDep = Annotated[ReadinessProbe, _opened(lambda services: services.readiness)]
Settings = Annotated[Product, _opened(lambda services: services.product)]
LiveStreams = Annotated[Streams, Depends(_streams)]
InboxListenerDep = Annotated[InboxListener, _opened(lambda services: services.inbox_listener)]
CallersDep = Annotated[Callers, _opened(lambda services: services.callers)]
PageSignInDep = Annotated[PageSignIn | None, _opened(lambda services: services.page_sign_in)]
"""Null where nobody signs in."""

DemoPatientsDep = Annotated[DemoPatients, _opened(lambda services: services.demo)]
