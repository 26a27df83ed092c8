"""What operations see of a booking in Temporal's own pages; its picture stands in the README."""

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from tests.acceptance.conftest import Clinic

WINDOW = ViewportSize(width=1440, height=1060)


async def test_a_booking_is_one_run_that_tells_its_end(
    browser: Browser, clinic: Clinic, pytestconfig: pytest.Config
) -> None:
    appointment = await clinic.hold()
    assert (await clinic.confirm(appointment)).status_code == 200
    page = await browser.new_page(viewport=WINDOW, locale="en-GB")

    await page.goto(
        f"{clinic.state['temporalUi']}/namespaces/{clinic.state['temporalNamespace']}"
        f"/workflows/appointment-{appointment}"
    )

    await expect(page.get_by_text("Completed").first).to_be_visible(timeout=50_000)
    await expect(page.get_by_text("BookAppointment").first).to_be_visible()
    await expect(page.get_by_text("confirmed").first).to_be_visible()
    await expect(page.get_by_text("the hold lapses unless").first).to_be_visible()
    pictures = pytestconfig.getoption("--pictures", default=None)
    if pictures is not None:
        await page.screenshot(path=pictures / "temporal-run.png")
    await page.close()
