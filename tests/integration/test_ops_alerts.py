"""The operations page shows which alerts fire, as Prometheus has them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiohttp import web

from adapters.postgres.database import Database
from adapters.prometheus.alerts import firing_alerts
from tests.integration.conftest import NOBODY_LISTENS, serving


def an_alert(name: str, state: str, severity: str = "ticket") -> dict[str, Any]:
    return {
        "labels": {"alertname": name, "severity": severity},
        "annotations": {"summary": f"{name} is so.", "runbook_url": "docs/runbook.md#the-audit"},
        "state": state,
        "activeAt": "2026-11-29T10:00:00.123456789Z",
    }


class FakePrometheus:
    """Answers with these alerts, or with an error."""

    def __init__(self) -> None:
        self.alerts = [
            an_alert("Waits", "pending"),
            an_alert("Slow", "firing"),
            an_alert("Broken", "firing", "page"),
        ]
        self.is_ill = False

    async def answer(self, _: web.Request) -> web.Response:
        if self.is_ill:
            return web.json_response({"status": "error"}, status=503)
        return web.json_response({"status": "success", "data": {"alerts": self.alerts}})


@pytest.fixture
async def prometheus() -> AsyncIterator[tuple[FakePrometheus, str]]:
    fake, app = FakePrometheus(), web.Application()
    app.router.add_get("/api/v1/alerts", fake.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield fake, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_operations_see_what_fires_and_what_is_for_now_comes_first(
    clinic_database: Database, cache_url: str, prometheus: tuple[FakePrometheus, str]
) -> None:
    fake, url = prometheus
    headers = {"accept": "text/html"}
    pages = []
    async with (
        serving(clinic_database, cache_url, prometheus_url=url) as api,
        httpx.AsyncClient(
            base_url=api.removesuffix("/api/v1"), headers=headers, timeout=20
        ) as http,
    ):
        pages.append((await http.get("/ops")).text)
        fake.alerts.clear()
        pages.append((await http.get("/ops")).text)
        fake.is_ill = True
        pages.append((await http.get("/ops")).text)

    firing, quiet, ill = pages
    assert firing.index("Broken is so.") < firing.index("Slow is so.")
    assert "docs/runbook.md#the-audit" in firing
    assert "Waits" not in firing
    assert "No alert is firing." in quiet
    assert "Prometheus is not responding." in ill


async def test_nobody_who_answers_is_no_list() -> None:
    assert await firing_alerts(f"http://{NOBODY_LISTENS}") is None
