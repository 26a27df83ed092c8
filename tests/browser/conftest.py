"""A real browser before the running product, and what a person does with it."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Literal
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, ViewportSize, async_playwright, expect

from stack.embedded import whole_stack
from stack.home import CHECKOUT
from stack.supplies.chromium import HOW_TO_GET, find_chromium
from tests.acceptance.conftest import Clinic, Slot

# The container's root may not use the browser's own sandbox; the pages are our own.
OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--force-prefers-reduced-motion"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
IMG = CHECKOUT / "docs" / "img"
SHOWN_IN = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
CITED = {name for each in SHOWN_IN for name in re.findall(r"img/([\w-]+\.png)", each.read_text())}
"""Pictures that a document shows: no other is kept beside the documents."""
FIVE_CALLS = CHECKOUT / "docs" / "five-calls.md"
DESK = ViewportSize(width=1280, height=900)
TELEPHONE = ViewportSize(width=320, height=720)
OF_TOMORROW = """
WITH doctor AS (
    INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id)
    SELECT gen_random_uuid(), gen_random_uuid(), 'Dr Ada Morrow', %s, id
    FROM (SELECT id FROM clinics ORDER BY id LIMIT 1) somewhere RETURNING id, clinic_id
)
INSERT INTO shifts (doctor_id, clinic_id, during)
SELECT id, clinic_id, tstzrange(begins, begins + interval '4 hours')
FROM doctor, date_trunc('hour', now() + interval '26 hours') begins RETURNING doctor_id::text AS id
"""

expect.set_options(timeout=30_000)

BY_NEWS_ALONE = """(() => {
    const real = window.setInterval;
    window.setInterval = (what, ms) => (ms >= 1000 ? 0 : real(what, ms));
})()"""
"""A page that never asks by itself, however long its stream is silent on a busy machine."""

SOONER_THAN_A_LOOK = 8_000
"""Milliseconds. The API looks at a day every ten seconds, whatever it was told: if the first of two
changes came by such a look, the second can come so soon by word alone."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", type=Path, help="where to keep pictures of the pages")


def is_kept(picture: Path) -> bool:
    """All are, in any other folder."""
    return picture.name in CITED or picture.parent.resolve() != IMG


@dataclass
class Person:
    """Somebody at a browser, signed in as a patient of their own."""

    page: Page
    patient: str
    base: str
    pictures: Path | None
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str = "/") -> None:
        await self.page.goto(self.base + path)

    def heading(self, text: str) -> Locator:
        return self.page.get_by_role("heading", level=1, name=text, exact=True)

    async def sees(self, heading: str) -> None:
        await expect(self.heading(heading)).to_be_visible()

    async def click(self, name: str, *, role: str = "button") -> None:
        found = self.page.get_by_role("link" if role == "link" else "button", name=name)
        await found.first.click()

    async def hold(self, slot_starts_at: str) -> None:
        await self.page.locator(f'button.slot[value="{slot_starts_at}"]').click()

    async def focus_is_on(self, text: str) -> None:
        """The text of what has the focus, which comes a moment after the page has changed."""
        await expect(self.page.locator(":focus")).to_have_text(text)

    async def audit(self, name: str) -> None:
        """No fault of access by axe's rules, nothing wider than the window; and its picture."""
        assert [f"{name}: {each}" for each in await self.faults_of_access()] == []
        await self.fits()
        if self.pictures is not None and is_kept(self.pictures / f"{name}.png"):
            await self.page.screenshot(path=self.pictures / f"{name}.png")

    async def faults_of_access(self) -> list[str]:
        """By axe's rules."""
        found = (await Axe().run(self.page, options={"runOnly": RULES})).response["violations"]
        return [f"{each['id']} at {node['target']}" for each in found for node in each["nodes"]]

    async def fits(self) -> None:
        """Nobody has to scroll sideways."""
        wide = await self.too_wide()
        assert wide <= 0, f"{self.page.url} is {wide} px too wide"

    async def too_wide(self) -> int:
        """By so many px, where it is."""
        return int(
            await self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )


@dataclass
class FrontClinic(Clinic):
    """The clinic of people who click: they take slots that no list of the tests knows of."""

    soonest: timedelta = timedelta(hours=36)
    """Whatever begins on the day of such a slot begins in hours, also the first of that day."""

    async def free_slots(self, count: int) -> list[Slot]:
        free: list[Slot] = []
        while len(free) < count:
            (slot,) = await super().free_slots(1)
            if await self.state_of(slot) == "free":
                free.append(slot)
        return free

    async def doctor_of_tomorrow(self, specialty: str = "cardiology") -> str:
        """Somebody whose page opens with times of tomorrow: at no hour does one begin soon."""
        [row] = await self.rows(OF_TOMORROW, specialty)
        return str(row["id"])


Scheme = Literal["light", "dark"]
Arrival = Callable[..., Awaitable[Person]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip(f"no Chromium on this machine: {HOW_TO_GET}")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield chromium
        await chromium.close()


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[str]:
    """The page of the documents, served as a front end that is not ours."""
    (html,) = re.findall(r"```html\n(.*?)```", FIVE_CALLS.read_text(), re.DOTALL)

    class Front(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
async def clinic(
    browser: Browser, elsewhere: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FrontClinic]:
    """Started for a browser only: without one there is nothing to wait for."""
    assert browser.is_connected()
    home = tmp_path_factory.mktemp("home")
    async with (
        whole_stack(home, {"PRIYOM_ALLOWED_ORIGINS": elsewhere}) as state,
        httpx.AsyncClient(base_url=state["api"] or "", timeout=15) as http,
    ):
        running = FrontClinic(home=home, state=state, http=http, patients=[])
        everybody = await running.rows("SELECT id::text FROM patients ORDER BY id DESC")
        running.patients.extend(row["id"] for row in everybody)
        yield running


@pytest.fixture
async def arrives(
    clinic: Clinic, browser: Browser, pytestconfig: pytest.Config
) -> AsyncIterator[Arrival]:
    """A person arrives, as often as a test needs one; nobody's browser may complain."""
    pictures = pytestconfig.getoption("--pictures", default=None)
    async with AsyncExitStack() as leaving:

        async def arrive(
            *,
            locale: str = "ru-RU",
            window: ViewportSize = DESK,
            scheme: Scheme = "light",
            scripts: bool = True,
        ) -> Person:
            return await leaving.enter_async_context(
                _person(clinic, browser, pictures, (locale, window, scheme, scripts))
            )

        yield arrive


@asynccontextmanager
async def _person(
    clinic: Clinic,
    browser: Browser,
    pictures: Path | None,
    manner: tuple[str, ViewportSize, Scheme, bool],
) -> AsyncIterator[Person]:
    locale, window, scheme, scripts = manner
    base = clinic.state["api"] or ""
    context = await browser.new_context(
        locale=locale,
        viewport=window,
        color_scheme=scheme,
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    patient = clinic.patient()
    await context.add_cookies([{"name": "patient", "value": patient, "url": base}])
    person = Person(page=await context.new_page(), patient=patient, base=base, pictures=pictures)
    _listen(person)
    yield person
    await context.close()
    assert person.complaints == []


def _listen(person: Person) -> None:
    """To what the browser complains of, and whom it talks to."""
    page = person.page
    page.on("pageerror", lambda error: person.complaints.append(str(error)))
    page.on(
        "console",
        lambda said: person.complaints.append(said.text) if said.type == "error" else None,
    )

    def foreign(url: str) -> None:
        if urlsplit(url).netloc != urlsplit(person.base).netloc:
            person.complaints.append(f"a request to {url}")

    page.on("request", lambda request: foreign(request.url))
