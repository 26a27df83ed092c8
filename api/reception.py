"""What the process has opened: the servers it talks to and the desks that serve a request."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from adapters.bell import Bell
from adapters.cache import DayCache, DayReader, connect_redis
from adapters.day_news import DayNews
from adapters.days import DayBook
from adapters.direct_line import DirectLine
from adapters.postgres import connect_engine
from adapters.probes import ask_kafka, ask_postgres, ask_redis, ask_temporal
from adapters.settings import Connections, Product
from adapters.temporal import connect_temporal, priyom_plugin
from api.bookings import Bookings
from api.commands import Commands
from api.control_room import Watchman
from api.live_days import LiveDays
from api.page.demo_desk import DemoPatients
from api.readiness import Watch
from api.receipts import Receipts
from api.runs import Runs
from api.written_days import WrittenDays

POOL_SIZE = 8
NAME = "priyom-api"


@dataclass(frozen=True, kw_only=True)
class Reception:
    """Everything that a route may need; the engine's statements are transactions each."""

    engine: AsyncEngine
    bell: Bell
    days: DayReader
    written: WrittenDays
    live: LiveDays
    bookings: Bookings
    commands: Commands
    watch: Watch
    watchman: Watchman
    receipts: Receipts
    product: Product
    demo: DemoPatients


@asynccontextmanager
async def open_reception(
    product: Product, connections: Connections, secret: bytes
) -> AsyncIterator[Reception]:
    """Connects to nothing yet: every server may be away now and come back later."""
    async with AsyncExitStack() as stack:
        engine = connect_engine(connections.database_url, pool_size=POOL_SIZE, name=NAME)
        stack.push_async_callback(engine.dispose)
        bell = Bell(engine.url, name=f"{NAME}-bell")
        stack.push_async_callback(bell.close)
        redis = connect_redis(connections.redis_url, name=NAME)
        stack.push_async_callback(redis.aclose)
        client = await connect_temporal(priyom_plugin(), lazy=True)
        days = DayReader(DayBook(engine), DayCache(redis))
        stack.push_async_callback(days.close)
        news = DayNews(redis)
        stack.push_async_callback(news.close)
        watch = _watch(engine, client, redis, connections.kafka_bootstrap_servers)
        stack.push_async_callback(watch.close)
        line = DirectLine(product.direct_line)
        stack.push_async_callback(line.close)
        runs = Runs(client, line)
        yield Reception(
            engine=engine,
            bell=bell,
            days=days,
            written=WrittenDays(days),
            live=LiveDays(days, news),
            bookings=Bookings(engine, runs, product, secret, tell=news.tell),
            commands=Commands(engine, runs),
            watch=watch,
            watchman=Watchman(
                engine,
                client,
                connections.kafka_bootstrap_servers,
                ui=product.temporal_ui_url,
            ),
            receipts=Receipts(client, product.receipts_key.get_secret_value().encode()),
            product=product,
            demo=DemoPatients(engine),
        )


def _watch(engine: AsyncEngine, client: Client, redis: Redis, kafka: str) -> Watch:
    return Watch(
        {
            "postgres": partial(ask_postgres, engine),
            "temporal": partial(ask_temporal, client),
            "redis": partial(ask_redis, redis),
            "kafka": partial(ask_kafka, kafka),
        }
    )
