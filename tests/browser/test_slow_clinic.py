"""What a person sees while the clinic's servers are slow or away."""

import pytest
from playwright.async_api import Route, expect

from tests.acceptance.conftest import Clinic
from tests.browser.conftest import Arrival
from tests.browser.test_lost_and_lapsed import page_of

FAULT = 503

pytestmark = pytest.mark.long


async def test_a_hold_that_is_on_its_way_is_waited_for_and_comes(
    arrives: Arrival, clinic: Clinic
) -> None:
    person = await arrives(locale="en-GB")
    slot = await clinic.free_slot()
    await person.open(page_of(slot))

    async with clinic.without("worker"):
        await person.hold(slot.starts_at)
        await expect(person.heading("Holding your time…")).to_be_visible(timeout=10_000)
        await person.audit("pending")

    await expect(person.heading("Confirm your appointment")).to_be_visible(timeout=30_000)


async def test_a_page_that_promised_to_ask_again_asks_on_after_an_answer_that_failed(
    arrives: Arrival, clinic: Clinic
) -> None:
    person = await arrives(locale="en-GB")
    slot = await clinic.free_slot()
    await person.open(page_of(slot))

    async with clinic.without("worker"):
        await person.hold(slot.starts_at)
        await expect(person.heading("Holding your time…")).to_be_visible(timeout=10_000)
        await person.page.route("**/visits/*", broken)
        async with person.page.expect_response(lambda answer: answer.status == FAULT):
            pass
        await expect(person.heading("Holding your time…")).to_be_visible()
        await person.page.unroute("**/visits/*")

    await expect(person.heading("Confirm your appointment")).to_be_visible(timeout=30_000)
    person.complaints.clear()  # Chromium logs the 503 itself


async def broken(route: Route) -> None:
    await route.fulfill(status=FAULT, content_type="text/html", body="<p>away</p>")


async def test_without_the_database_a_page_says_so_and_leads_back(
    arrives: Arrival, clinic: Clinic
) -> None:
    person = await arrives(locale="en-GB")
    await person.open("/problems")

    async with clinic.without("postgres"):
        await person.open("/visits")
        await person.sees("The service is unavailable right now")
        await person.audit("away")
        person.complaints.clear()  # Chromium logs the 503 itself

    await person.click("Try again", role="link")
    await person.sees("My appointments")
