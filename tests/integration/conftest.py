"""A migrated PostgreSQL and a Valkey for the tests; a clinic of its own for each."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from adapters.postgres import connect_engine
from stack.embedded import embedded_postgres, embedded_valkey
from tests.clinic_rows import Clinic, open_clinic
from tests.integration.audit_office import Office, opened, runs_of_a_test
from tests.integration.audit_rows import scratch_database

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
async def clinic_engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsyncEngine]:
    async with embedded_postgres(tmp_path_factory.mktemp("reading")) as url:
        migration = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "alembic", "upgrade", "head"),
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": url},
        )
        assert await migration.wait() == 0
        engine = connect_engine(url, pool_size=10, name="test")
        yield engine
        await engine.dispose()


@pytest.fixture(scope="session")
async def cache_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with embedded_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
async def clinic(clinic_engine: AsyncEngine) -> Clinic:
    return await open_clinic(clinic_engine)


@pytest.fixture(scope="session")
async def scratch(clinic_engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Another database, for tests that break its rules or look at all of its rows."""
    async with scratch_database(clinic_engine) as engine:
        yield engine


@pytest.fixture(scope="session")
async def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    async with runs_of_a_test(tmp_path_factory.mktemp("temporal")) as client:
        yield client


@pytest.fixture
async def office(scratch: AsyncEngine, stand_ins: Client, cache_url: str) -> AsyncIterator[Office]:
    async with opened(scratch, stand_ins, cache_url) as it:
        yield it
