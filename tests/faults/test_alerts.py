"""Each alert on a live stack: it fires when its fault is there, and ends when that is healed.

The rules are in a hurry: what takes a minute in ops/alerts.yaml takes two seconds here. The stack
is of its own: what is broken here would break the other cases.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry, start_http_server
from temporalio.client import Client

from adapters.process.disk import FREE, SIZE, watch_disk
from stack.embedded import whole_stack
from stack.ports import LOOPBACK, Ports
from stack.servers.prometheus import RULES
from tests.acceptance.conftest import Clinic
from tests.faults.rig.alarms import FAULTS, Site
from tests.faults.rig.hurried import hurried
from tests.faults.rig.injectors import small_disk
from tests.payload_keys import as_stored
from tests.watching_prometheus import Prometheus, targets_of, watching

pytestmark = [pytest.mark.fault, pytest.mark.timeout(480)]

SETTINGS = {"PRIYOM_AUDIT_SECONDS": "4", "PRIYOM_RATE_LIMIT": "off"}
IN_TIME = 180
"""Seconds: figures are counted every half minute, and a window has to be left again."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    site: Site
    hurried: Prometheus
    real: Prometheus


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    if os.geteuid() != 0:
        pytest.skip("a small disk can be mounted by root only")
    folder = tmp_path_factory.mktemp("alerts")
    rules = folder / "hurried.yaml"
    rules.write_text(hurried(RULES.read_text()))
    disk = folder / "disk"
    disk.mkdir()
    async with AsyncExitStack() as opened:
        state = await opened.enter_async_context(
            whole_stack(folder / "home", SETTINGS, extra="prometheus")
        )
        http = await opened.enter_async_context(
            httpx.AsyncClient(base_url=state["api"] or "", timeout=15, trust_env=False)
        )
        patients = [each["id"] for each in state["patients"]]
        clinic = Clinic(home=folder / "home", state=state, http=http, patients=patients)
        opened.enter_context(small_disk(disk, 64))
        targets = await targets_of(clinic.home) | {"disk": opened.enter_context(shown(disk))}
        quick = await opened.enter_async_context(watching(folder, targets, rules))
        real = await opened.enter_async_context(
            httpx.AsyncClient(base_url=state["prometheus"], timeout=10, trust_env=False)
        )
        temporal = await Client.connect(state["temporalAddress"] or "", data_converter=as_stored())
        yield Watched(site=Site(clinic, temporal, disk), hurried=quick, real=Prometheus(real))
        del temporal
        gc.collect()


@contextmanager
def shown(disk: Path) -> Iterator[str]:
    """Where this disk is shown as a process shows the one of its home."""
    watch_disk(disk)
    registry, ports = CollectorRegistry(), Ports()
    for gauge in (FREE, SIZE):
        registry.register(gauge)
    port = ports.take()
    server, _ = start_http_server(port, LOOPBACK, registry)
    yield f"{LOOPBACK}:{port}"
    server.shutdown()
    ports.release()


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(IN_TIME):
            while not await holds():  # noqa: ASYNC110 - Prometheus raises no event
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise AssertionError(f"not {what} in {IN_TIME} s") from None


@pytest.mark.parametrize("alert", FAULTS)
async def test_an_alert_fires_while_its_fault_is_there_and_ends_when_it_is_healed(
    watched: Watched, alert: str
) -> None:
    async def fires() -> bool:
        return alert in await watched.hurried.alerts("firing")

    async def is_over() -> bool:
        return alert not in await watched.hurried.alerts("firing", "pending")

    await until(is_over, f"quiet before: {alert}")
    async with FAULTS[alert](watched.site):
        await until(fires, f"firing: {alert}")

    await until(is_over, f"over: {alert}")


async def test_a_rolling_restart_fires_none_of_the_rules_as_they_are(watched: Watched) -> None:
    """And a quarter of a minute later none of them waits to fire."""
    for name in ("worker", "notifier", "api"):
        async with watched.site.clinic.without(name):
            pass
        assert await watched.real.alerts("firing") <= {"EventsForged"}  # told of for a quarter hour

    async def none_waits() -> bool:
        return await watched.real.alerts("firing", "pending") <= {"EventsForged"}

    await until(none_waits, "quiet after a restart")
