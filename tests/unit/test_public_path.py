"""Behind a proxy at a path every link, form and redirect stays under it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from api.app import create_app
from api.http.origins import Origins
from api.services import Services
from tests.fakes.services import NoServices

pytestmark = pytest.mark.unmeasured

HTML = {"accept": "text/html"}
LINKS = re.compile(r'(?:href|src|action|data-live|hx-get)="(/[^"]*)"')


@asynccontextmanager
async def nothing_opened() -> AsyncIterator[Services]:
    yield NoServices()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    origins = Origins(public="https://clinic.example/priyom")
    app = create_app(nothing_opened, answer_within_seconds=5, origins=origins)
    app.state.services = NoServices()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://clinic.example") as client:
        yield client


@pytest.mark.parametrize("stripped", [True, False], ids=["stripped", "whole"])
async def test_all_that_a_page_leads_to_is_under_the_path(
    stripped: bool,  # noqa: FBT001 - whether the proxy takes the path off
    http: httpx.AsyncClient,
) -> None:
    before = "" if stripped else "/priyom"
    for path in ("/problems", "/problems/slot_taken", "/nowhere", "/ops"):
        page = (await http.get(before + path, headers=HTML)).text
        links = LINKS.findall(page)
        assert links
        assert [link for link in links if not link.startswith("/priyom/")] == []
        for link in {link for link in links if "/assets/" in link}:
            assert (await http.get(link)).status_code == 200


async def test_a_redirect_and_the_type_of_a_problem_are_under_the_path(
    http: httpx.AsyncClient,
) -> None:
    moved = await http.post("/language", data={"language": "ru", "back": "/problems"})
    problem = await http.get("/api/v1/nowhere")

    assert moved.headers["location"] == "/priyom/problems"
    assert problem.json()["type"] == "/priyom/problems/not_found"
