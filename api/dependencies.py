"""What a route may ask for, by name."""

from typing import Annotated

from fastapi import Depends, Request

from adapters.postgres.database import Database
from adapters.postgres.inbox_listener import InboxListener
from adapters.process.settings import Product
from adapters.redis.cache import DayReader
from api.booking.commands import Commands
from api.booking.hold import Bookings
from api.http.streams import Streams
from api.ops_dashboard import Dashboard
from api.page.demo_desk import DemoPatients
from api.readiness import ReadinessProbe
from api.receipts import Receipts
from api.schedule.live_days import LiveDays
from api.schedule.rendered_days import RenderedDays
from api.services import Services


async def _reception(request: Request) -> Services:
    opened = request.app.state.reception
    assert isinstance(opened, Services)  # noqa: S101 - the lifespan opened it
    return opened


async def _streams(request: Request) -> Streams:
    streams = request.app.state.streams
    assert isinstance(streams, Streams)  # noqa: S101 - the application was made with it
    return streams


async def _database(request: Request) -> Database:
    return (await _reception(request)).database


async def _bell(request: Request) -> InboxListener:
    return (await _reception(request)).bell


async def _days(request: Request) -> DayReader:
    return (await _reception(request)).days


async def _written_days(request: Request) -> RenderedDays:
    return (await _reception(request)).written


async def _watched_days(request: Request) -> LiveDays:
    return (await _reception(request)).live


async def _bookings(request: Request) -> Bookings:
    return (await _reception(request)).bookings


async def _commands(request: Request) -> Commands:
    return (await _reception(request)).commands


async def _receipts(request: Request) -> Receipts:
    return (await _reception(request)).receipts


async def _watch(request: Request) -> ReadinessProbe:
    return (await _reception(request)).watch


async def _watchman(request: Request) -> Dashboard:
    return (await _reception(request)).watchman


async def _product(request: Request) -> Product:
    return (await _reception(request)).product


async def _demo(request: Request) -> DemoPatients:
    return (await _reception(request)).demo


DatabaseDep = Annotated[Database, Depends(_database)]
Days = Annotated[DayReader, Depends(_days)]
WrittenPages = Annotated[RenderedDays, Depends(_written_days)]
WatchedDays = Annotated[LiveDays, Depends(_watched_days)]
BookingsDep = Annotated[Bookings, Depends(_bookings)]
CommandsDep = Annotated[Commands, Depends(_commands)]
DashboardDep = Annotated[Dashboard, Depends(_watchman)]
ReceiptsDep = Annotated[Receipts, Depends(_receipts)]
ReadinessDep = Annotated[ReadinessProbe, Depends(_watch)]
Settings = Annotated[Product, Depends(_product)]
LiveStreams = Annotated[Streams, Depends(_streams)]
InboxListenerDep = Annotated[InboxListener, Depends(_bell)]
DemoPatientsDep = Annotated[DemoPatients, Depends(_demo)]
