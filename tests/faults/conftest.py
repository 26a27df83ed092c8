"""The rig that all fault cases share: one stack through proxies, healed between the cases."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio
from temporalio.client import Client

from tests.faults.rig import gather
from tests.faults.rig.case import Rig
from tests.faults.rig.report import Report
from tests.faults.rig.stack import HOLD_SECONDS, Stack, stack_of_links
from tests.faults.rig.supply import stocked
from tests.payload_keys import as_stored

CASE_SECONDS = 900
"""A case takes half a minute; one that leaves runs open, or events untold, waits as promised.

The first one starts the stack as well, which a machine that has other work does in minutes.
"""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the rig is a fault case; `make test` takes only the short ones of them."""
    for item in items:
        if "rig" in getattr(item, "fixturenames", ()):
            item.add_marker("fault")
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(CASE_SECONDS))


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def running_rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    home = tmp_path_factory.mktemp("faults") / "home"
    holds = str(HOLD_SECONDS)
    async with stack_of_links(home, PRIYOM_HOLD_SECONDS=holds) as stack, observed(stack) as rig:
        yield rig


@asynccontextmanager
async def observed(stack: Stack, *, hold_seconds: float = HOLD_SECONDS) -> AsyncIterator[Rig]:
    """The rig over that stack, whose holds last so long."""
    database_url = stack.address("postgres")
    await gather.write_journal(database_url)
    temporal = await Client.connect(stack.address("temporal"), data_converter=as_stored())
    yield Rig(
        stack=stack,
        supply=await stocked(database_url, stack.secret),
        temporal=temporal,
        report=Report(),
        topic=gather.Topic(stack.address("kafka")),
        hold_seconds=hold_seconds,
    )
    del temporal
    gc.collect()


@pytest.fixture
def rig(running_rig: Rig, request: pytest.FixtureRequest) -> Rig:
    """The shared rig, which writes this test's name into its report."""
    return replace(running_rig, node=request.node.nodeid)
