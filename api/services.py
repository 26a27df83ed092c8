"""What the process has opened: the servers it talks to and the desks that serve a request."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from redis.asyncio import Redis
from temporalio.client import Client

from adapters.direct_line import DirectLine
from adapters.postgres.database import Database, connect_database
from adapters.postgres.days import DayBook
from adapters.postgres.inbox_listener import InboxListener
from adapters.process.probes import ask_kafka, ask_postgres, ask_redis, ask_temporal
from adapters.process.settings import Connections, Product
from adapters.redis.cache import DayCache, DayReader, connect_redis
from adapters.redis.day_changes import DayChanges
from adapters.temporal.client import connect_temporal, priyom_plugin
from api.booking.commands import Commands
from api.booking.hold import Bookings
from api.booking.runs import Runs
from api.ops_dashboard import Dashboard
from api.page.demo_desk import DemoPatients
from api.readiness import ReadinessProbe
from api.receipts import Receipts
from api.schedule.live_days import LiveDays
from api.schedule.rendered_days import RenderedDays

POOL_SIZE = 8
NAME = "priyom-api"


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything that a route may need; the database's statements are transactions each."""

    database: Database
    bell: InboxListener
    days: DayReader
    written: RenderedDays
    live: LiveDays
    bookings: Bookings
    commands: Commands
    watch: ReadinessProbe
    watchman: Dashboard
    receipts: Receipts
    product: Product
    demo: DemoPatients


@asynccontextmanager
async def open_services(
    product: Product, connections: Connections, secret: bytes
) -> AsyncIterator[Services]:
    """Connects to nothing yet: every server may be away now and come back later."""
    async with AsyncExitStack() as stack:
        url = connections.database_url
        database = connect_database(url, pool_size=POOL_SIZE, name=NAME)
        await stack.enter_async_context(database)
        bell = InboxListener(url, name=f"{NAME}-bell")
        stack.push_async_callback(bell.close)
        redis = connect_redis(connections.redis_url, name=NAME)
        stack.push_async_callback(redis.aclose)
        client = await connect_temporal(priyom_plugin(), lazy=True)
        days = DayReader(DayBook(database), DayCache(redis))
        stack.push_async_callback(days.close)
        news = DayChanges(redis)
        stack.push_async_callback(news.close)
        watch = _watch(database, client, redis, connections.kafka_bootstrap_servers)
        stack.push_async_callback(watch.close)
        line = DirectLine(product.direct_line)
        stack.push_async_callback(line.close)
        runs = Runs(client, line)
        yield Services(
            database=database,
            bell=bell,
            days=days,
            written=RenderedDays(days),
            live=LiveDays(days, news),
            bookings=Bookings(database, runs, product, secret, tell=news.tell),
            commands=Commands(database, runs),
            watch=watch,
            watchman=Dashboard(
                database,
                client,
                connections.kafka_bootstrap_servers,
                ui=product.temporal_ui_url,
            ),
            receipts=Receipts(client, product.receipts_key.get_secret_value().encode()),
            product=product,
            demo=DemoPatients(database),
        )


def _watch(database: Database, client: Client, redis: Redis, kafka: str) -> ReadinessProbe:
    return ReadinessProbe(
        {
            "postgres": partial(ask_postgres, database),
            "temporal": partial(ask_temporal, client),
            "redis": partial(ask_redis, redis),
            "kafka": partial(ask_kafka, kafka),
        }
    )
