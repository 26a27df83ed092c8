"""Prometheus over a stack that patients use: panels have data, and alerts something to compare."""

import asyncio
import re
import time
from collections.abc import AsyncIterator

import pytest
import yaml

from scripts.dashboard import PANELS
from stack.servers.prometheus import RULES
from tests.acceptance.conftest import Clinic
from tests.watching_prometheus import Prometheus, targets_of, watching

IN_TIME = 200
"""Seconds, many times as often as what is counted from the rows is counted."""
NAME = re.compile(r"\b(?:priyom|temporal)_[a-z_]+")
ONLY_IN_TROUBLE = {
    "temporal_workflow_task_execution_failed_total",
    "temporal_request_failure_total",
    "priyom_audit_lost_visits",
}
"""Shown from their first time on; lost visits are looked for when the database has started."""


@pytest.fixture(scope="module")
async def prometheus(
    clinic: Clinic, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    async with watching(folder, await targets_of(clinic.home)) as watches:
        yield watches


async def patients_come(clinic: Clinic) -> None:
    """One books and confirms; one is refused."""
    slot = await clinic.free_slot()
    visit = await clinic.hold(slot)
    assert (await clinic.confirm(visit)).status_code == 200
    assert (await clinic.book(slot)).status_code == 409
    await clinic.day(slot.doctor_id, slot.starts_at[:10])


@pytest.mark.timeout(300)
async def test_every_panel_shows_data_while_patients_come(
    clinic: Clinic, prometheus: Prometheus
) -> None:
    empty = {panel.title: panel.expression for panel in PANELS}
    until = time.monotonic() + IN_TIME
    while empty and time.monotonic() < until:
        await patients_come(clinic)
        await asyncio.sleep(1)
        found = {title: await prometheus.series(asked) for title, asked in empty.items()}
        empty = {title: empty[title] for title, series in found.items() if not series}

    assert empty == {}


@pytest.mark.timeout(300)
async def test_what_the_alerts_ask_for_is_there(prometheus: Prometheus) -> None:
    """What nothing shows is never above a limit: such an alert would be silent for ever.

    What an audit has counted is there when one has ended, and its gauges were asked for since.
    """
    groups = yaml.safe_load(RULES.read_text())["groups"]
    rules = [rule["expr"] for group in groups for rule in group["rules"]]
    asked = {name for expression in rules for name in NAME.findall(expression)}

    missing, until = asked - ONLY_IN_TROUBLE, time.monotonic() + IN_TIME
    while missing and time.monotonic() < until:
        missing = {name for name in missing if not await prometheus.series(name)}
        await asyncio.sleep(1)

    assert missing == set()
