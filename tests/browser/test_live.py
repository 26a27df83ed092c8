"""Open pages show what others do, and nobody who looks at them loses their place."""

import asyncio
import re
from datetime import date, timedelta

import pytest
from playwright.async_api import Route, expect

from tests.acceptance.conftest import Clinic, eventually
from tests.browser.conftest import BY_NEWS_ALONE, SOONER_THAN_A_LOOK, Arrival, Person
from tests.browser.test_lost_and_lapsed import page_of, unanswered

STREAMED = """window.isStreamed = new Promise((done) => {
    const Real = EventSource;
    window.EventSource = class extends Real {
        constructor(...given) { super(...given); this.addEventListener("day", done); }
    };
})"""
"""Tells when the page has had its first event, so that a test need not guess.

How soon the news come is measured by `python -m bench.streams`.
"""
COUNT_STREAMS = """(() => {
    const Real = EventSource, made = [];
    window.EventSource = class extends Real {
        constructor(...given) { super(...given); made.push(this); }
    };
    window.openStreams = () => made.filter((each) => each.readyState === Real.OPEN).length;
})()"""
TURN = """(state) => {
    const hidden = { configurable: true, get: () => state === "hidden" };
    Object.defineProperty(document, "hidden", hidden);
    document.dispatchEvent(new Event("visibilitychange"));
}"""
PATIENCE_BY_HAND = """AbortSignal.timeout = () => {
    const patience = new AbortController();
    window.patienceEnds = () => patience.abort();
    return patience.signal;
}"""
"""Patience ends when the test says so."""


async def listens(person: Person) -> None:
    """The next page does; without news it stays as it is."""
    for script in (BY_NEWS_ALONE, STREAMED):
        await person.page.add_init_script(script)


async def has_streams(person: Person, count: int) -> None:
    """Asked from outside: where Playwright waits within a page, our policy lets no text be code."""

    async def has_so_many() -> bool:
        return bool(await person.page.evaluate("openStreams()") == count)

    await eventually(has_so_many)


async def test_a_slot_held_in_one_browser_is_taken_in_the_other_at_once(
    arrives: Arrival, clinic: Clinic
) -> None:
    slot = await clinic.free_slot()
    quick, looking = await arrives(), await arrives(locale="en-GB")
    await listens(looking)
    await quick.open(page_of(slot))
    await looking.open(page_of(slot))
    await looking.page.evaluate("isStreamed")
    shown = looking.page.locator(f'[data-slot="{slot.starts_at}"]')
    await expect(shown.get_by_role("button")).to_be_visible()

    await quick.hold(slot.starts_at)
    await quick.sees("Подтвердите запись")

    await expect(shown).to_contain_text("being booked")
    await quick.click("Подтвердить запись")
    await expect(shown).to_contain_text("taken", timeout=SOONER_THAN_A_LOOK)
    await looking.audit("times-live-en")


async def test_the_focus_stays_where_it_was_when_that_slot_is_taken(
    arrives: Arrival, clinic: Clinic
) -> None:
    slot = await clinic.free_slot()
    looking = await arrives(locale="en-GB")
    await listens(looking)
    await looking.open(page_of(slot))
    await looking.page.evaluate("isStreamed")
    await looking.page.locator(f'button.slot[value="{slot.starts_at}"]').focus()

    await clinic.hold(slot)

    shown = looking.page.locator(f'[data-slot="{slot.starts_at}"]')
    await expect(shown).to_contain_text("being booked")
    await expect(shown).to_be_focused()
    await expect(looking.page.locator("#announcer")).to_contain_text("being booked")


async def test_a_tab_of_a_hold_that_was_confirmed_in_another_shows_the_visit_by_itself(
    arrives: Arrival, clinic: Clinic
) -> None:
    person = await arrives(locale="en-GB")
    appointment = await clinic.hold(patient=person.patient)
    await listens(person)
    await person.open(f"/visits/{appointment}")
    await person.page.evaluate("isStreamed")

    await clinic.confirm(appointment)

    await expect(person.heading("Your appointment is booked")).to_be_visible()
    await expect(person.page.locator("#announcer")).to_have_text("Your appointment is booked")
    await expect(person.page).to_have_title(re.compile("^Your appointment is booked"))
    await expect(person.page.locator("#give-up")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_giving_up_a_hold_in_a_stale_tab_leaves_the_visit_that_it_has_become(
    scripts: bool,  # noqa: FBT001 - the case
    arrives: Arrival,
    clinic: Clinic,
) -> None:
    person = await arrives(locale="en-GB", scripts=scripts)
    appointment = await clinic.hold(patient=person.patient)
    await person.page.route("**/stream?*", unanswered)
    await person.open(f"/visits/{appointment}")
    await clinic.confirm(appointment)

    await person.page.locator("#give-up").click()

    await person.sees("Your appointment is booked")
    await expect(person.page.locator("#main p.note")).to_contain_text("Nothing was done")
    assert (await clinic.get(appointment))["status"] == "confirmed"


async def test_a_hidden_tab_has_no_stream_and_catches_up_when_it_is_shown(
    arrives: Arrival, clinic: Clinic
) -> None:
    slot = await clinic.free_slot()
    person = await arrives(locale="en-GB")
    await person.page.add_init_script(COUNT_STREAMS)
    await person.open(page_of(slot))
    await has_streams(person, 1)

    await person.page.evaluate(TURN, "hidden")
    await has_streams(person, 0)
    await clinic.hold(slot)
    await person.page.evaluate(TURN, "visible")

    shown = person.page.locator(f'[data-slot="{slot.starts_at}"]')
    await expect(shown).to_contain_text("being booked")
    await has_streams(person, 1)


async def test_a_page_that_was_signed_out_stays_as_it_is_and_asks_no_more(
    arrives: Arrival, clinic: Clinic
) -> None:
    slot = await clinic.free_slot()
    person = await arrives(locale="en-GB")
    for script in (COUNT_STREAMS, STREAMED):
        await person.page.add_init_script(script)
    await person.open(page_of(slot))
    await person.page.evaluate("isStreamed")
    asked: list[str | None] = []

    async def signed_out(route: Route) -> None:
        asked.append(await route.request.header_value("hx-request"))
        await route.fulfill(status=200, headers={"hx-redirect": "/sign-in"}, body="")

    await person.page.route(lambda address: "/stream" not in address, signed_out)
    await clinic.hold(slot)

    await has_streams(person, 0)
    shown = person.page.locator(f'[data-slot="{slot.starts_at}"]')
    await expect(shown.get_by_role("button")).to_be_visible()
    assert {*asked} == {"true"}


async def test_without_a_stream_the_page_asks_now_and_then(
    arrives: Arrival, clinic: Clinic
) -> None:
    slot = await clinic.free_slot()
    looking = await arrives(locale="en-GB")
    await looking.page.add_init_script("delete window.EventSource")
    await looking.open(page_of(slot))

    await clinic.hold(slot)

    shown = looking.page.locator(f'[data-slot="{slot.starts_at}"]')
    await expect(shown).to_contain_text("being booked")


async def test_an_answer_that_failed_is_asked_for_again(arrives: Arrival, clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    looking = await arrives(locale="en-GB")
    await looking.page.add_init_script(STREAMED)
    await looking.open(page_of(slot))
    await looking.page.evaluate("isStreamed")
    failed: list[str] = []

    async def fails_once(route: Route) -> None:
        if failed or route.request.resource_type != "fetch":
            return await route.fallback()
        failed.append(route.request.url)
        return await route.fulfill(status=503, body="not now")

    await looking.page.route("**" + page_of(slot), fails_once)
    await clinic.hold(slot)

    shown = looking.page.locator(f'[data-slot="{slot.starts_at}"]')
    await expect(shown).to_contain_text("being booked")
    assert len(failed) == 1
    assert ["503" in each for each in looking.complaints] == [True]
    looking.complaints.clear()


async def test_an_answer_that_does_not_come_is_asked_for_again(
    arrives: Arrival, clinic: Clinic
) -> None:
    slot = await clinic.free_slot()
    looking = await arrives(locale="en-GB")
    await looking.page.add_init_script(PATIENCE_BY_HAND)
    await looking.page.add_init_script(STREAMED)
    await looking.open(page_of(slot))
    await looking.page.evaluate("isStreamed")
    hanging = asyncio.Event()

    async def hangs_once(route: Route) -> None:
        if hanging.is_set() or route.request.resource_type != "fetch":
            await route.fallback()
        hanging.set()

    await looking.page.route("**" + page_of(slot), hangs_once)
    await clinic.hold(slot)
    async with asyncio.timeout(30):
        await hanging.wait()

    await looking.page.evaluate("patienceEnds()")

    shown = looking.page.locator(f'[data-slot="{slot.starts_at}"]')
    await expect(shown).to_contain_text("being booked")


async def test_a_page_that_shows_another_day_now_listens_to_that_day(
    arrives: Arrival, clinic: Clinic
) -> None:
    """As after midnight, or when the last time of the first day has gone."""
    slot = await clinic.free_slot()
    looking = await arrives(locale="en-GB")
    address = f"{looking.base}/doctor/{slot.doctor_id}"
    next_day = str(date.fromisoformat(slot.starts_at[:10]) + timedelta(days=20))
    then = await looking.page.request.get(f"{address}?date={next_day}")
    await looking.open(f"/doctor/{slot.doctor_id}")

    async def shows_another_day(route: Route) -> None:
        await route.fulfill(response=then)

    await looking.page.route(address, shows_another_day)
    async with looking.page.expect_request(lambda sent: f"stream?date={next_day}" in sent.url):
        await looking.page.evaluate(
            "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
        )
