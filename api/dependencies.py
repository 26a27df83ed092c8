"""What a route may ask for, by name."""

from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.bell import Bell
from adapters.cache import DayReader
from adapters.settings import Product
from api.bookings import Bookings
from api.commands import Commands
from api.control_room import Watchman
from api.live_days import LiveDays
from api.page.demo_desk import DemoPatients
from api.readiness import Watch
from api.receipts import Receipts
from api.reception import Reception
from api.streams import Streams
from api.written_days import WrittenDays


async def _reception(request: Request) -> Reception:
    opened = request.app.state.reception
    assert isinstance(opened, Reception)  # noqa: S101 - the lifespan opened it
    return opened


async def _streams(request: Request) -> Streams:
    streams = request.app.state.streams
    assert isinstance(streams, Streams)  # noqa: S101 - the application was made with it
    return streams


async def _engine(request: Request) -> AsyncEngine:
    return (await _reception(request)).engine


async def _bell(request: Request) -> Bell:
    return (await _reception(request)).bell


async def _days(request: Request) -> DayReader:
    return (await _reception(request)).days


async def _written_days(request: Request) -> WrittenDays:
    return (await _reception(request)).written


async def _watched_days(request: Request) -> LiveDays:
    return (await _reception(request)).live


async def _bookings(request: Request) -> Bookings:
    return (await _reception(request)).bookings


async def _commands(request: Request) -> Commands:
    return (await _reception(request)).commands


async def _receipts(request: Request) -> Receipts:
    return (await _reception(request)).receipts


async def _watch(request: Request) -> Watch:
    return (await _reception(request)).watch


async def _watchman(request: Request) -> Watchman:
    return (await _reception(request)).watchman


async def _product(request: Request) -> Product:
    return (await _reception(request)).product


async def _demo(request: Request) -> DemoPatients:
    return (await _reception(request)).demo


Engine = Annotated[AsyncEngine, Depends(_engine)]
Days = Annotated[DayReader, Depends(_days)]
WrittenPages = Annotated[WrittenDays, Depends(_written_days)]
WatchedDays = Annotated[LiveDays, Depends(_watched_days)]
HoldDesk = Annotated[Bookings, Depends(_bookings)]
CommandDesk = Annotated[Commands, Depends(_commands)]
NightWatch = Annotated[Watchman, Depends(_watchman)]
ReceiptDesk = Annotated[Receipts, Depends(_receipts)]
ReadinessWatch = Annotated[Watch, Depends(_watch)]
Settings = Annotated[Product, Depends(_product)]
LiveStreams = Annotated[Streams, Depends(_streams)]
InboxBell = Annotated[Bell, Depends(_bell)]
DemoDesk = Annotated[DemoPatients, Depends(_demo)]
