"""What unit tests of connections share."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from api.describe import describe_only
from tests.fakes.services import NoServices


@pytest.fixture(scope="session")
def built_once() -> FastAPI:
    """FastAPI takes half a second to build the application: too long for each case."""
    return describe_only()


@pytest.fixture
def app(built_once: FastAPI) -> FastAPI:
    """The application without servers; a test may give it services of its own."""
    built_once.state.services = NoServices()
    return built_once


@pytest.fixture
async def nothing_is_left() -> AsyncIterator[None]:
    """When the test is over no task of it runs, no socket is open, and asyncio has no complaint."""
    loop = asyncio.get_running_loop()
    complaints: list[object] = []
    loop.set_exception_handler(lambda _, complaint: complaints.append(complaint))
    before = asyncio.all_tasks()
    yield
    gc.collect()  # a socket that nobody closed says so now, which is an error here
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    loop.set_exception_handler(None)
    assert complaints == []
    assert left == set()
