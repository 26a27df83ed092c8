"""Each alert on a live stack: it fires when its fault is there, and ends when that is healed.

The rules are in a hurry: what takes a minute in ops/alerts.yaml takes two seconds here. The stack
is of its own: what is broken here would break the other cases.
"""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
from tests.faults.rig.alarms import TOGETHER, Site, together
from tests.faults.rig.hurried import hurried, waits
from tests.faults.rig.injectors import small_disk
from tests.payload_keys import as_stored
from tests.watching_prometheus import Prometheus, targets_of, watching

pytestmark = [pytest.mark.fault, pytest.mark.timeout(480)]

SETTINGS = {"PRIYOM_AUDIT_SECONDS": "4", "PRIYOM_RATE_LIMIT": "off"}
IN_TIME = 180
"""Seconds: figures are counted every half minute, and a window has to be left again."""


FOR = waits(RULES.read_text())
SEEN_WITHIN = timedelta(seconds=5)
"""A scrape and a look at the rules, each a second on a machine with room."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    site: Site
    hurried: Prometheus


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
        state = await opened.enter_async_context(whole_stack(folder / "home", SETTINGS))
        http = await opened.enter_async_context(
            httpx.AsyncClient(base_url=state["api"] or "", timeout=15, trust_env=False)
        )
        patients = [each["id"] for each in state["patients"]]
        clinic = Clinic(home=folder / "home", state=state, http=http, patients=patients)
        opened.enter_context(small_disk(disk, 64))
        targets = await targets_of(clinic.home) | {"disk": opened.enter_context(shown(disk))}
        quick = await opened.enter_async_context(watching(folder, targets, rules))
        temporal = await Client.connect(state["temporalAddress"] or "", data_converter=as_stored())
        yield Watched(site=Site(clinic, temporal, disk), hurried=quick)
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
    server, thread = start_http_server(port, LOOPBACK, registry)
    try:
        yield f"{LOOPBACK}:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        ports.release()


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(IN_TIME):
            while not await holds():  # noqa: ASYNC110 - Prometheus raises no event
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise AssertionError(f"not {what} in {IN_TIME} s") from None


@pytest.mark.parametrize("alerts", TOGETHER, ids="+".join)
async def test_alerts_fire_while_their_faults_are_there_and_end_when_they_are_healed(
    watched: Watched, alerts: tuple[str, ...]
) -> None:
    async def are_over() -> bool:
        return not set(alerts) & await watched.hurried.alerts("firing", "pending")

    await until(are_over, f"quiet before: {alerts}")
    began = time.monotonic()
    async with together(watched.site, alerts):
        for alert, seconds in (await fired(watched.hurried, alerts)).items():
            print(f"{alert}: fires {seconds - began:.0f} s after its fault was begun")
    began = time.monotonic()
    await until(are_over, f"over: {alerts}")
    print(f"{', '.join(alerts)}: over {time.monotonic() - began:.0f} s after the fault")


async def fired(prometheus: Prometheus, alerts: tuple[str, ...]) -> dict[str, float]:
    """When each was seen to fire, by the monotonic clock: in its `for` and one scrape.

    Judged is how long it had waited at our last look before: ours may be late.
    """
    seen: dict[str, float] = {}
    looked = datetime.now(UTC)

    async def all_fire() -> bool:
        nonlocal looked
        not_yet, looked = looked, datetime.now(UTC)
        for alert in set(alerts) & await prometheus.alerts("firing") - seen.keys():
            seen[alert] = time.monotonic()
            waited = not_yet - await prometheus.active_since(alert)
            assert waited <= FOR[alert] + SEEN_WITHIN, alert
        return seen.keys() == set(alerts)

    try:
        await until(all_fire, "firing, all of them")
    except AssertionError as error:
        raise AssertionError(f"{error}: {set(alerts) - seen.keys()}") from None
    return seen
