"""The page of `docs/five-calls.md`, opened in a browser from another origin, books."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.acceptance.conftest import Clinic, Slot
from tests.browser.conftest import FrontClinic

OF_TOMORROW = "cardiology-of-tomorrow"


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    complaints: list[str] = []
    page = await browser.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text))
    yield page
    await page.close()
    assert complaints == []


async def asks_for_tomorrow(route: Route) -> None:
    """The page's search finds somebody of whom no time begins soon."""
    url = route.request.url.replace("=cardiology&", f"={OF_TOMORROW}&")
    await route.continue_(url=url)


async def test_the_page_of_the_documents_holds_counts_down_confirms_and_cancels(
    page: Page, clinic: FrontClinic, elsewhere: str
) -> None:
    await clinic.doctor_of_tomorrow(OF_TOMORROW)
    await page.route("**/api/v1/doctors?*", asks_for_tomorrow)
    patient, said = clinic.patient(), page.get_by_role("status")
    await page.goto(f"{elsewhere}/?api={clinic.state['api']}&patient={patient}")
    free = page.locator("#times button")
    chosen = await free.last.get_attribute("value")

    await free.last.click()
    await expect(said).to_have_text(re.compile(r"Held for (9:\d\d|10:00)"))
    await expect(page.locator(f'#times button[value="{chosen}"]')).to_have_count(0)
    await page.get_by_role("button", name="Confirm").click()
    await expect(said).to_have_text("The appointment is confirmed.")
    await page.get_by_role("button", name="Cancel").click()
    await expect(said).to_have_text("The appointment is cancelled.")

    await expect(page.locator(f'#times button[value="{chosen}"]')).to_have_count(1)


async def test_the_page_of_the_documents_shows_what_others_take(
    page: Page, clinic: Clinic, elsewhere: str
) -> None:
    async with page.expect_request("**/schedule/stream*") as asked:
        await page.goto(f"{elsewhere}/?api={clinic.state['api']}")
    doctor = (await asked.value).url.split("/")[-3]
    chosen = await page.locator("#times button").last.get_attribute("value") or ""

    await clinic.hold(Slot(doctor, chosen))

    await expect(page.locator(f'#times button[value="{chosen}"]')).to_have_count(0)
