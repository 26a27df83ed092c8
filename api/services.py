"""What the process has opened: the servers it talks to and the desks that serve a request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from redis.asyncio import Redis
from structlog import get_logger
from temporalio.client import Client
from temporalio.worker import Worker

from activities.announcements import Announcements
from activities.appointments import Appointments
from activities.slots import Slots
from adapters.kafka.brokers import KafkaServers
from adapters.kafka.events import EventPublisher
from adapters.oidc.code import CodeFlow
from adapters.oidc.keys import Issuer
from adapters.oidc.tokens import Tokens
from adapters.postgres.database import Database, connect_database
from adapters.postgres.days import DayBook
from adapters.postgres.inbox_listener import InboxListener
from adapters.process.connection_settings import Connections
from adapters.process.probes import ask_kafka, ask_postgres, ask_redis, ask_temporal
from adapters.process.setting_values import rates_of
from adapters.process.settings import Product, deployment, sign_in_of
from adapters.redis.buckets import Buckets
from adapters.redis.cache import DayCache, DayReader, connect_redis
from adapters.redis.day_changes import DayChanges
from adapters.redis.sessions import SessionStore
from adapters.temporal.client import TemporalConnection, priyom_plugin
from api.booking.attendance import Attendance
from api.booking.commands import Commands
from api.booking.exchange import Exchanges
from api.booking.hold import Bookings
from api.booking.move import Moves
from api.booking.runs import Runs
from api.http.actor import Callers, SignInOff
from api.http.limits import Limits, Rates
from api.ops_dashboard import Dashboard
from api.page.demo_desk import DemoPatients
from api.readiness import ReadinessProbe
from api.receipts import Receipts
from api.schedule.importing import Importing
from api.schedule.live_days import LiveDays
from api.schedule.publishing import Publishing
from api.schedule.rendered_days import RenderedDays
from api.sign_in.accounts import Accounts
from api.sign_in.callers import SignIn
from api.sign_in.pages import PageSignIn
from api.sign_in.sessions import Sessions
from domain.visit_links import link_key
from worker.announced_at_once import answer_then_announce
from worker.bookings_worker import bookings_worker
from worker.deployment import build_of, keep_current, pinned
from worker.eager_bookings import EagerBookings
from worker.running import running_when_connected
from worker.waiters import Waiters

POOL_SIZE = 6
"""For requests and for the steps of the bookings beside them. One interpreter keeps no more busy,
and each connection plans every statement anew some six times (docs/decisions/0029)."""
NAME = "priyom-api"

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything that a route may need; the database's statements are transactions each."""

    database: Database
    inbox_listener: InboxListener
    book: DayBook
    days: DayReader
    rendered: RenderedDays
    live: LiveDays
    changes: DayChanges
    bookings: Bookings
    commands: Commands
    moves: Moves
    exchanges: Exchanges
    link_keys: tuple[bytes, ...]
    attendance: Attendance
    publishing: Publishing
    importing: Importing
    readiness: ReadinessProbe
    dashboard: Dashboard
    receipts: Receipts
    product: Product
    demo: DemoPatients
    callers: Callers
    page_sign_in: PageSignIn | None
    limits: Limits | None


@dataclass(frozen=True, kw_only=True)
class _Servers:
    """Connections to what this process asks; each may be away."""

    database: Database
    redis: Redis
    publisher: EventPublisher
    temporal: TemporalConnection
    book: DayBook


@asynccontextmanager
async def open_services(
    product: Product, connections: Connections, secret: bytes, previous: bytes | None = None
) -> AsyncIterator[Services]:
    """Waits for no server: each may be away now and come back later. What is opened last is closed
    first: the worker ends before the servers that its steps need.
    """
    async with AsyncExitStack() as stack:
        servers = await _open_servers(stack, connections)
        database, temporal = servers.database, servers.temporal
        inbox_listener = InboxListener(connections.session_url, name=f"{NAME}-bell")
        stack.push_async_callback(inbox_listener.close)
        days = DayReader(servers.book, DayCache(servers.redis, secret))
        stack.push_async_callback(days.close)
        changes = DayChanges(servers.redis)
        stack.push_async_callback(changes.close)
        readiness = _readiness(servers, connections.kafka)
        stack.push_async_callback(readiness.close)
        runs = await _runs(stack, product, servers)
        callers, page_sign_in = await _sign_in(stack, product, connections, servers)
        yield Services(
            database=database,
            inbox_listener=inbox_listener,
            book=servers.book,
            days=days,
            rendered=RenderedDays(days),
            live=LiveDays(days, changes),
            changes=changes,
            bookings=Bookings(
                database, runs, product, secret, previous=previous, tell=changes.tell
            ),
            commands=Commands(database, runs),
            moves=Moves(database, runs, secret, previous=previous),
            exchanges=Exchanges(database, runs),
            link_keys=tuple(link_key(each) for each in (secret, previous) if each),
            attendance=Attendance(database, runs),
            importing=Importing(database, temporal),
            publishing=Publishing(temporal, horizon_days=product.horizon_days),
            readiness=readiness,
            dashboard=_dashboard(stack, product, servers, connections.kafka),
            receipts=Receipts(temporal, product.receipts_key.get_secret_value().encode()),
            product=product,
            demo=DemoPatients(database),
            callers=callers,
            page_sign_in=page_sign_in,
            limits=_limits(product, servers.redis),
        )


async def _open_servers(stack: AsyncExitStack, connections: Connections) -> _Servers:
    database = connect_database(
        connections.database_url,
        pool_size=POOL_SIZE,
        name=NAME,
        pooled=bool(connections.database_direct_url),
    )
    await stack.enter_async_context(database)
    redis = connect_redis(connections.redis_url, name=NAME)
    stack.push_async_callback(redis.aclose)
    publisher = EventPublisher(connections.kafka)
    stack.push_async_callback(publisher.stop)
    return _Servers(
        database=database,
        redis=redis,
        publisher=publisher,
        temporal=TemporalConnection(),
        book=DayBook(database),
    )


async def _runs(stack: AsyncExitStack, product: Product, servers: _Servers) -> Runs:
    """Starts bookings in this process where commands are answered."""
    temporal, plugin = servers.temporal, priyom_plugin(keys=product.keys_of_payloads)
    if not product.runs_bookings:
        await stack.enter_async_context(running_when_connected(temporal, plugin, None))
        return Runs(temporal, None)
    beside = _Beside(servers, promotes=product.promote == "on")
    stack.callback(beside.close)
    await stack.enter_async_context(running_when_connected(temporal, plugin, beside.worker))
    return Runs(temporal, EagerBookings(temporal, beside.waiters))


def _dashboard(
    stack: AsyncExitStack, product: Product, servers: _Servers, kafka: KafkaServers
) -> Dashboard:
    dashboard = Dashboard(
        servers.database,
        servers.temporal,
        kafka,
        ui=product.temporal_ui_url,
        prometheus=product.prometheus_url,
    )
    stack.callback(asyncio.create_task(dashboard.compare_time_zones()).cancel)
    return dashboard


async def _sign_in(
    stack: AsyncExitStack, product: Product, connections: Connections, servers: _Servers
) -> tuple[Callers, PageSignIn | None]:
    """Who tells callers apart, and how browsers sign in."""
    url = sign_in_of(product)
    if url is None:
        log.warning("sign_in_is_off", every_caller="is believed, and may do anything")
        return SignInOff(), None
    issuer = await stack.enter_async_context(Issuer(url))
    tokens = Tokens(issuer, audience=product.oidc_audience, role_claim=product.role_claim)
    store = SessionStore(servers.redis)
    sessions = Sessions(store)
    secret = product.oidc_client_secret.get_secret_value()
    flow = CodeFlow(issuer, tokens, client_id=product.oidc_client_id, secret=secret)
    pages = PageSignIn(
        flow=flow, tokens=tokens, sessions=sessions, store=store, public_url=product.public_url
    )
    accounts = Accounts(
        servers.database, url, listens_at=connections.session_url, name=f"{NAME}-accounts"
    )
    await stack.enter_async_context(accounts)
    return SignIn(accounts, tokens, sessions), pages


def _limits(product: Product, redis: Redis) -> Limits | None:
    """Whoever calls is nobody in particular where nobody signs in: there is none to be limited."""
    rates = rates_of(product.rate_limit)
    if rates is None or product.sign_in == "off":
        return None
    commands, reads = rates
    return Limits(Buckets(redis), Rates(commands=commands, reads=reads))


class _Beside:
    """The bookings' worker of this process, and those in it who wait for its steps."""

    def __init__(self, servers: _Servers, *, promotes: bool) -> None:
        self.waiters = Waiters()
        self._database = servers.database
        self._build = build_of(deployment())
        self._promotes = promotes
        self._promoting: asyncio.Task[None] | None = None
        self._announcements = Announcements(
            book=servers.book, redis=servers.redis, publisher=servers.publisher
        )

    def worker(self, client: Client) -> Worker:
        self.close()  # a worker that failed has another one after it
        if self._promotes:
            self._promoting = asyncio.create_task(keep_current(client, self._build))
        return bookings_worker(
            client,
            slots=Slots(self._database),
            appointments=Appointments(self._database),
            announcements=self._announcements,
            interceptors=answer_then_announce(self.waiters, self._announcements),
            deployment=pinned(self._build),
        )

    def close(self) -> None:
        if self._promoting is not None:
            self._promoting.cancel()


def _readiness(servers: _Servers, kafka: KafkaServers) -> ReadinessProbe:
    return ReadinessProbe(
        {
            "postgres": partial(ask_postgres, servers.database),
            "temporal": lambda: ask_temporal(servers.temporal.client),
            "redis": partial(ask_redis, servers.redis),
            "kafka": partial(ask_kafka, kafka),
        }
    )
