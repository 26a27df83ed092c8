"""What the person on call relies on, on a stack as `make up WITH=prometheus` starts it.

Its own Prometheus looks every 15 seconds, as signed in as everybody else, by the rules as they are.
The cases follow one another: the panels after the start, a deploy, and last the runbook, whose
commands end the stack.
"""

import asyncio
import contextlib
import gc
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
import pytest_asyncio
from temporalio.client import Client

from scripts.dashboard import PANELS
from stack.embedded import whole_stack
from tests import runbook
from tests.faults.rig.on_call_scene import Scene, set_up
from tests.faults.rig.reception import Reception
from tests.faults.rig.typed import Said, Typist
from tests.integration.test_stack_commands import stack
from tests.payload_keys import as_stored
from tests.watching_prometheus import Prometheus

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

SETTINGS = {"PRIYOM_SIGN_IN": "on", "PRIYOM_RATE_LIMIT": "off"}
SHOWN_WITHIN = 300
"""Seconds under load, after `make up`."""

QUIET_WITHIN = 360
"""Seconds until no alert waits to fire: a window of five minutes has to be left."""


WHILE_IT_RUNS = (
    "make status",
    "make logs",
    "make up",
    "make prepare",
    'make priyom ARGS="why 430890e4"',
    "python -m api.console why 430890e4",
    "promtool test rules ops/alerts_test.yaml",
    "curl $PRIYOM_OIDC_ISSUER/.well-known/openid-configuration",
    "grep problem_answered .priyom/logs/api.log | grep <patient id>",
    "make dead",
    "make dead REPLAY=0:17",
    "make stop S=worker",
    "make start S=worker",
    "temporal operator namespace update -n default --retention 24h",
    "make backup TO=/safe/2026-11-29",
)
AT_THE_END = (
    "temporal workflow delete -w appointment-<id>",
    "make restore FROM=…",
    "make down",
    "make up WITH=prometheus",
    "make reset",
)
NOT_FOR_A_SHELL = ("GET ", "POST ", "SELECT ")
NOT_TYPED = {
    # There is no engine for containers here.
    "docker compose ps",
    "docker compose logs -f api worker notifier",
    "docker compose restart worker",
    "docker compose --profile demo up --build --wait",
    # They write secrets into the checkout.
    'echo "PRIYOM_SECRET=$(openssl rand -hex 32)" >> .env',
    'echo "POSTGRES_PASSWORD=$(openssl rand -hex 32)" >> .env',
    'echo "APPLICATION_PASSWORD=$(openssl rand -hex 32)" >> .env',
    # Cases of their own, beside these.
    'make faults ARGS="-k test_alerts -s"',
    'make faults ARGS="-k test_on_call -s"',
    'make faults ARGS="-k put_back -s"',
}


@dataclass(frozen=True, kw_only=True)
class Site:
    home: Path
    reception: Reception
    prometheus: Prometheus
    began: float
    """When `make up` returned, by the monotonic clock."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    home = tmp_path_factory.mktemp("on-call") / "home"
    async with (
        whole_stack(home, SETTINGS, extra="prometheus") as state,
        httpx.AsyncClient(base_url=state["api"] or "", timeout=15, trust_env=False) as api,
        httpx.AsyncClient(base_url=state["prometheus"], timeout=15, trust_env=False) as watches,
    ):
        reception = Reception(home=home, state=state, http=api)
        yield Site(
            home=home, reception=reception, prometheus=Prometheus(watches), began=time.monotonic()
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(site: Site) -> Scene:
    return await set_up(site.reception)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not await holds():  # noqa: ASYNC110 - Prometheus raises no event
                await asyncio.sleep(1)
    except TimeoutError:
        raise AssertionError(f"not {what} in {seconds} s") from None


async def test_every_panel_shows_data_five_minutes_after_the_start_under_load(site: Site) -> None:
    empty, shown = {panel.title: panel.expression for panel in PANELS}, {}
    async with site.reception.at_work():
        while empty and time.monotonic() < site.began + SHOWN_WITHIN:
            await asyncio.sleep(5)
            for title, expression in list(empty.items()):
                if await site.prometheus.series(expression):
                    shown[title] = time.monotonic() - site.began
                    del empty[title]

    assert empty == {}
    last = max(shown, key=lambda title: shown[title])
    booked = f"{site.reception.confirmed} visits, {site.reception.refused} refusals"
    print(f"{len(shown)} panels, the last of them after {shown[last]:.0f} s: {last}; {booked}")


async def test_a_rolling_restart_under_load_fires_no_alert(site: Site) -> None:
    """And none of those that it has made wait is left to fire later."""

    async def none_waits() -> bool:
        return not await site.prometheus.alerts("firing", "pending")

    async def books_again() -> bool:
        return site.reception.confirmed > before

    async with watched_for_alerts(site.prometheus) as fired:
        async with site.reception.at_work():
            await until(none_waits, QUIET_WITHIN, "quiet before the restart")
            for name in ("worker", "notifier", "api"):
                for command in ("stop", "start"):
                    status, said = await stack(site.home, command, name)
                    assert status == 0, said
            before = site.reception.confirmed
            await until(books_again, QUIET_WITHIN, "booking after the restart")
        await until(none_waits, QUIET_WITHIN, "quiet after the restart")

    assert fired == set()


@asynccontextmanager
async def watched_for_alerts(prometheus: Prometheus) -> AsyncIterator[set[str]]:
    """Those that have fired since the block began."""
    fired: set[str] = set()

    async def watch() -> None:
        while True:
            fired.update(await prometheus.alerts("firing"))
            await asyncio.sleep(1)

    task = asyncio.create_task(watch())
    try:
        yield fired
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_every_saved_query_and_expression_of_the_runbook_is_answered(
    site: Site, scene: Scene
) -> None:
    temporal = await Client.connect(
        site.reception.state["temporalAddress"] or "", data_converter=as_stored()
    )
    queries, expressions = runbook.saved_queries(), runbook.expressions()

    for each in queries:
        await temporal.count_workflows(scene.named(each))
    for each in expressions:
        await site.prometheus.series(each)
    of_the_doctor = (await temporal.count_workflows(scene.named('DoctorId="<doctorId>"'))).count

    assert len(queries) > 7
    assert len(expressions) > 3
    assert of_the_doctor > 0
    del temporal
    gc.collect()


async def test_every_link_of_the_runbook_opens(site: Site) -> None:
    """The pages of Temporal, on the port that they have here."""
    here = site.reception.state["temporalUi"] or ""
    links = {link.replace("http://127.0.0.1:8233", here) for link in runbook.web_links()}

    async with httpx.AsyncClient(timeout=15, trust_env=False) as browser:
        opened = {link: (await browser.get(link)).status_code for link in links}

    assert len(opened) > 4
    assert opened == dict.fromkeys(links, 200)


async def test_every_request_that_the_runbook_names_is_answered(site: Site, scene: Scene) -> None:
    asked = [each for each in runbook.commands() if each.startswith(("GET ", "POST "))]

    for each in sorted(asked):
        method, path, *body = each.split(" ", 2)
        found = scene.patient if "/patients/" in path else site.reception.visits[0]
        path = path if path == "/readyz" else f"/api/v1{path.replace('{id}', found)}"
        answer = await site.reception.call(method, path, json.loads(body[0]) if body else None)
        assert answer.status_code == 200, (each, answer.text)

    assert len(asked) > 3


async def test_every_statement_of_the_runbook_runs(site: Site, scene: Scene) -> None:
    asked = [each for each in runbook.commands() if each.startswith("SELECT ")]

    url = site.reception.state["databaseUrl"] or ""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        for each in asked:
            await connection.execute(scene.named(each).encode())

    assert len(asked) > 3


async def test_every_command_of_the_runbook_runs(site: Site, scene: Scene, tmp_path: Path) -> None:
    """In an order in which each finds what it needs; what ends the stack comes last."""
    typist = Typist(home=site.home, state=site.reception.state, tools=tmp_path / "tools")
    of_priyom = [f'make priyom ARGS="{each}"' for each in runbook.commands_of_priyom()]
    failed: dict[str, Said] = {}

    for written in (*WHILE_IT_RUNS, *of_priyom, *AT_THE_END):
        typed = scene.named(written).replace(".priyom/", f"{site.home}/")
        for place in ("/safe/2026-11-29", "…"):
            typed = typed.replace(place, f"{tmp_path}/backup")
        elsewhere = tmp_path / "elsewhere" if written.startswith("make restore") else None
        said = await typist.types(typed, home=elsewhere)
        if said.status != 0:
            failed[typed] = said

    assert failed == {}
    for_a_shell = {each for each in runbook.commands() if not each.startswith(NOT_FOR_A_SHELL)}
    assert for_a_shell - {*WHILE_IT_RUNS, *of_priyom, *AT_THE_END} == NOT_TYPED
