"""A migrated PostgreSQL and a Valkey for the tests; a clinic of its own for each."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import uvicorn
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url
from temporalio.client import Client

from adapters.kafka.events import ensure_topics
from adapters.postgres.application_role import APPLICATION
from adapters.postgres.database import Database
from adapters.process.settings import Product, connections, product
from api.__main__ import Server
from api.app import create_app
from api.http.streams import Streams
from api.services import Services, open_services
from stack.embedded import embedded_kafka, embedded_postgres, embedded_valkey
from tests.behind_pooler import BEFORE, EVERYWHERE, connect, pooler_before, pooler_of
from tests.clinic_rows import Clinic, open_clinic
from tests.fakes.issuer import FakeIssuer, running_issuer
from tests.integration.audit_office import Office, opened, runs_of_a_test
from tests.integration.audit_rows import MIGRATED, scratch_database
from tests.integration.manager import Manager
from tests.integration.working_runs import at_work
from tests.integration.years import VISITS

RECEIPTS_KEY = b"r" * 32
SECRET, PREVIOUS_SECRET = b"x" * 32, b"p" * 32
APPLICATION_PASSWORD = "of-the-application"  # noqa: S105 - of a database that a test throws away
NOBODY_LISTENS = "127.0.0.1:1"
ANSWERED_WITHIN_SECONDS = 15.0
"""The deadline of the APIs of these tests: on a busy machine nothing is late before it."""

STARTED_WITHIN_SECONDS = 60
ROOT = Path(__file__).parents[2]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--visits", type=int, default=VISITS, help="rows that plans are looked at with"
    )


@pytest.fixture(scope="session")
async def clinic_database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    async with embedded_postgres(tmp_path_factory.mktemp("reading")) as url:
        migration = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "alembic", "upgrade", "head"),
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": url,
                "APPLICATION_PASSWORD": APPLICATION_PASSWORD,
            },
        )
        assert await migration.wait() == 0
        async with await psycopg.AsyncConnection.connect(
            urlsplit(url)._replace(path="postgres").geturl(), autocommit=True
        ) as server:
            await server.execute(
                SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    Identifier(MIGRATED), Identifier(urlsplit(url).path.strip("/"))
                )
            )
        async with (
            _pooler_if_wished(url, tmp_path_factory),
            connect(url, pool_size=10, name="test") as database,
        ):
            yield database


@asynccontextmanager
async def _pooler_if_wished(url: str, folders: pytest.TempPathFactory) -> AsyncIterator[None]:
    """Before all databases of this server, for as long as the tests run."""
    if not EVERYWHERE:
        yield
        return
    async with pooler_before([url, as_application(url)], folders.mktemp("pooler")) as port:
        BEFORE[urlsplit(url).port or 0] = port
        yield


@pytest.fixture(scope="session")
async def cache_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with embedded_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
async def clinic(clinic_database: Database) -> Clinic:
    return await open_clinic(clinic_database)


@pytest.fixture(scope="session")
async def scratch(clinic_database: Database) -> AsyncIterator[Database]:
    """Another database, for tests that break its rules or look at all of its rows."""
    async with scratch_database(clinic_database) as database:
        yield database


@pytest.fixture(scope="session")
async def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    async with runs_of_a_test(tmp_path_factory.mktemp("temporal")) as client:
        yield client


@pytest.fixture(scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with embedded_kafka(tmp_path_factory.mktemp("kafka")) as servers:
        await ensure_topics(servers)
        yield servers


@pytest.fixture
async def office(scratch: Database, stand_ins: Client, cache_url: str) -> AsyncIterator[Office]:
    async with opened(scratch, stand_ins, cache_url) as it:
        yield it


@pytest.fixture(scope="session")
async def api(clinic_database: Database, cache_url: str) -> AsyncIterator[str]:
    """The address of an API over PostgreSQL; what it asks of Temporal and Kafka nobody answers."""
    async with serving(clinic_database, cache_url, receipts_key=RECEIPTS_KEY.decode()) as url:
        yield url


@pytest.fixture
async def manager(api: str) -> AsyncIterator[Manager]:
    root = api.removesuffix("/api/v1")
    headers = {"accept": "text/html", "origin": root}
    async with httpx.AsyncClient(base_url=root, headers=headers, timeout=20) as http:
        yield Manager(http)


@pytest.fixture(scope="session")
async def finishing_api(clinic_database: Database, cache_url: str) -> AsyncIterator[str]:
    """An API whose bookings, moves, marks and imports come to an end at once."""
    async with serving_changed(clinic_database, cache_url, at_work) as url:
        yield url.removesuffix("/api/v1")


@pytest.fixture
async def finishing(finishing_api: str) -> AsyncIterator[Manager]:
    """Somebody at its pages."""
    headers = {"accept": "text/html", "origin": finishing_api}
    async with httpx.AsyncClient(base_url=finishing_api, headers=headers, timeout=20) as http:
        yield Manager(http)


@pytest.fixture(scope="session")
async def issuer() -> AsyncIterator[FakeIssuer]:
    async with running_issuer() as running:
        yield running


@pytest.fixture(scope="session")
async def signed_in_api(
    clinic_database: Database, cache_url: str, issuer: FakeIssuer
) -> AsyncIterator[str]:
    """The same, to people of this issuer."""
    named = {"sign_in": "on", "oidc_issuer": issuer.url, "rate_limit": "off"}
    async with serving(clinic_database, cache_url, **named) as url:
        yield url


@pytest.fixture(scope="session")
async def signed_in_working_api(
    clinic_database: Database, cache_url: str, issuer: FakeIssuer
) -> AsyncIterator[str]:
    """The same, where what people ask of a run comes to an end at once."""
    named = {"sign_in": "on", "oidc_issuer": issuer.url, "rate_limit": "off"}
    async with serving_changed(clinic_database, cache_url, at_work, **named) as url:
        yield url


def as_application(database_url: str) -> str:
    """The same database for the role that the processes have."""
    address = make_url(database_url).set(username=APPLICATION, password=APPLICATION_PASSWORD)
    return address.render_as_string(hide_password=False)


@asynccontextmanager
async def serving(database: Database, cache_url: str, **settings: str) -> AsyncIterator[str]:
    async with serving_changed(database, cache_url, lambda services: services, **settings) as url:
        yield url


@asynccontextmanager
async def serving_changed(
    database: Database,
    cache_url: str,
    change: Callable[[Services], Services],
    streams: Streams | None = None,
    /,
    *,
    pooler: str = "",
    **settings: str,
) -> AsyncIterator[str]:
    """`change` puts something else in the place of what would ask Temporal."""
    direct = as_application(database.url)
    pooler = pooler or pooler_of(direct)
    servers = connections().model_copy(
        update={
            "database_url": pooler or direct,
            "database_direct_url": direct if pooler else "",
            "redis_url": cache_url,
            "kafka_bootstrap_servers": NOBODY_LISTENS,
        }
    )
    wanted = Product.model_validate(product().model_dump() | settings)

    @asynccontextmanager
    async def opened_services() -> AsyncIterator[Services]:
        async with open_services(wanted, servers, SECRET, PREVIOUS_SECRET) as services:
            yield change(services)

    app = create_app(opened_services, answer_within_seconds=ANSWERED_WITHIN_SECONDS)
    app.state.streams = streams or app.state.streams
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False)
    server = Server(config, streams=app.state.streams)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TEMPORAL_ADDRESS", NOBODY_LISTENS)
        running = asyncio.create_task(server.serve())
        async with asyncio.timeout(STARTED_WITHIN_SECONDS):
            while not server.started:
                assert not running.done(), "it has ended before it began"
                await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/api/v1"
    server.should_exit = True
    await running
