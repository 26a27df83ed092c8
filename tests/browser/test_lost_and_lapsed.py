"""What a person sees when the slot is lost, the time runs out, or the clinic does not answer."""

import re
from itertools import groupby

import pytest
from playwright.async_api import Route, expect

from tests.acceptance.conftest import Clinic, Slot
from tests.browser.conftest import TELEPHONE, Arrival, Person

MINUTE_MS = 60_000
THREE = 3

LISTEN = """() => {
    window.heard = [];
    new MutationObserver(() => heard.push(document.getElementById("announcer").textContent))
        .observe(document.getElementById("announcer"), {childList: true});
}"""

COUNT_THE_LOST = """() => document.addEventListener("htmx:sendError", () => {
    document.body.dataset.lost = Number(document.body.dataset.lost || 0) + 1;
})"""


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_a_slot_lost_to_another_browser_is_said_in_place_and_others_are_offered(
    scripts: bool,  # noqa: FBT001 - the case
    arrives: Arrival,
    clinic: Clinic,
) -> None:
    slot = await clinic.free_slot()
    quick, slow = await arrives(), await arrives(locale="en-GB", scripts=scripts)
    await slow.page.route("**/stream?*", unanswered)  # the news come too late for this click
    for person in (quick, slow):
        await person.open(page_of(slot))

    await quick.hold(slot.starts_at)
    await quick.sees("Подтвердите запись")
    await slow.hold(slot.starts_at)

    note = slow.page.get_by_role("group")
    await expect(note).to_contain_text("Someone else has just booked")
    offers = note.get_by_role("button")
    await expect(offers).to_have_count(5)
    await expect(offers.first).to_be_focused()
    lost = slow.page.locator(f'[data-slot="{slot.starts_at}"]')
    await expect(lost).to_contain_text("being booked")
    if scripts:
        await slow.audit("lost")
        await expect(slow.page.locator("#announcer")).to_contain_text("has just booked")
    await offers.first.click()
    await slow.sees("Confirm your appointment")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_a_visit_is_moved_in_the_same_calendar_also_after_a_time_was_lost(
    scripts: bool,  # noqa: FBT001 - the case
    arrives: Arrival,
    clinic: Clinic,
) -> None:
    person = await arrives(locale="en-GB", window=TELEPHONE, scripts=scripts)
    await person.page.route("**/stream?*", unanswered)  # the news come too late for this click
    slot, lost, *_ = await _of_one_doctor(clinic)
    visit = await clinic.hold(slot, patient=person.patient)
    await clinic.confirm(visit)
    await person.open(f"/visits/{visit}")

    await person.page.locator("#move").click()
    await person.sees("Move your appointment")
    await expect(person.page.locator(".slot.own")).to_contain_text("your time now")
    if scripts:
        await person.audit("move")
    await person.page.locator(f'[data-slot="{lost.starts_at}"] a').click()
    await person.sees("Move to this time?")
    if scripts:
        await person.audit("move-to")
    await clinic.hold(lost)
    await person.page.locator("#move").click()

    await person.sees("Move your appointment")
    note = person.page.get_by_role("group").first
    await expect(note).to_contain_text("no longer available. Your old time is kept.")
    assert (await clinic.get(visit))["dateTime"] == slot.starts_at
    await note.get_by_role("link").first.click()
    await person.sees("Move to this time?")
    await person.page.locator("#move").click()

    await person.sees("Your appointment is booked")
    moved_note = person.page.locator("#main .note.good")
    await expect(moved_note).to_contain_text("Your appointment is moved.")
    moved = await clinic.get(visit)
    assert (moved["moves"], moved["version"]) == (1, 3)
    assert moved["dateTime"] not in {slot.starts_at, lost.starts_at}
    await person.page.get_by_text("What happened to this appointment").click()
    await expect(person.page.locator(".history")).to_contain_text("The appointment was moved to")


async def test_the_countdown_speaks_three_times_and_the_lapsed_slot_is_one_click_away(
    arrives: Arrival, clinic: Clinic
) -> None:
    person, appointment = await _holder(arrives, clinic)
    timer = person.page.get_by_role("timer")
    await expect(timer).to_have_text(about("10:00", "9:[3-5]"))
    await person.page.evaluate(LISTEN)

    await person.page.clock.run_for(5 * MINUTE_MS)
    await expect(timer).to_have_text(about("5:00", "4:[3-5]"))
    await person.page.clock.run_for(5 * MINUTE_MS - 19_000)
    await expect(timer).to_have_text(about("0:19", "0:1", "0:0"))
    await _lapse(clinic, appointment)  # before the page asks, however long it is looked over
    await person.audit("held-last")
    await person.page.clock.run_for(20_000)

    await person.sees("Your time to confirm has run out")
    assert await person.page.evaluate("heard") == [
        "You have 5 minutes left to confirm your appointment.",
        "You have 1 minute left to confirm your appointment. You can ask for more time.",
        "You have 20 seconds left to confirm your appointment.",
        "Your time to confirm has run out",
    ]
    await person.focus_is_on("Your time to confirm has run out")
    await person.audit("lapsed")
    await person.page.locator("#again").click()
    await person.sees("Confirm your appointment")
    assert not person.page.url.endswith(appointment)


async def test_a_browser_whose_clock_is_wrong_counts_by_the_servers(
    arrives: Arrival, clinic: Clinic
) -> None:
    person = await arrives(locale="en-GB")
    appointment = await clinic.hold(patient=person.patient)
    await person.page.clock.set_fixed_time("2031-05-05T05:05:05Z")

    await person.open(f"/visits/{appointment}")

    await expect(person.page.get_by_role("timer")).to_have_text(about("10:00", "9:[3-5]"))


async def test_more_time_is_given_twice_and_then_no_more(arrives: Arrival, clinic: Clinic) -> None:
    person, _ = await _holder(arrives, clinic)
    timer = person.page.get_by_role("timer")
    for left in ("1 extension left", None):
        await person.page.clock.run_for(3 * MINUTE_MS)
        await expect(timer).to_have_text(about("7:00", "6:[3-5]"))

        await person.page.locator("#extend").click()

        await expect(timer).to_have_text(about("10:00", "9:[3-5]"))
        if left:
            await expect(person.page.locator("#extend")).to_contain_text(left)
    await expect(person.page.locator("#extend")).to_have_count(0)


async def test_a_hold_that_lapsed_before_the_click_is_not_confirmed(
    arrives: Arrival, clinic: Clinic
) -> None:
    person, appointment = await _holder(arrives, clinic)
    await _lapse(clinic, appointment)

    await person.click("Confirm appointment")

    await person.sees("Your time to confirm has run out")
    await expect(person.page.locator("#main .note.warn")).to_contain_text(
        "time to confirm has passed"
    )


async def test_what_stands_in_the_way_of_a_hold_is_named_with_the_way_on(
    arrives: Arrival, clinic: Clinic
) -> None:
    person = await arrives(locale="en-GB")
    first, other = await _at_the_same_time(clinic)
    appointment = await clinic.hold(first, patient=person.patient)

    await person.open(page_of(other))
    await person.hold(other.starts_at)

    await expect(person.page.get_by_role("group")).to_contain_text(
        "another appointment at that time"
    )
    await person.audit("busy")
    await person.click("View that appointment", role="link")
    await person.sees("Confirm your appointment")
    assert person.page.url.endswith(appointment)


async def test_who_holds_too_many_is_sent_to_them(arrives: Arrival, clinic: Clinic) -> None:
    person = await arrives(locale="en-GB")
    wish, *slots = await clinic.free_slots(4)
    for slot in slots:
        await clinic.hold(slot, patient=person.patient)
    await person.open(page_of(wish))

    await person.hold(wish.starts_at)

    await expect(person.page.get_by_role("group")).to_contain_text(
        "You can hold up to 3 times at once"
    )
    await expect(person.page.get_by_text("We're holding a time for you")).to_have_count(3)
    await person.audit("too-many")
    await person.page.get_by_role("main").get_by_role("link", name="My appointments").click()
    await person.sees("My appointments")
    await expect(person.page.get_by_text("Needs confirming")).to_have_count(3)


async def test_a_visit_of_somebody_else_is_no_page(arrives: Arrival, clinic: Clinic) -> None:
    person = await arrives(locale="en-GB")
    appointment = await clinic.hold()

    answer = await person.page.goto(f"{person.base}/visits/{appointment}")

    assert answer is not None
    assert answer.status == 404
    await person.sees("Page not found")
    await person.audit("error")
    person.complaints.clear()  # Chromium logs the 404 itself


async def test_a_click_without_a_connection_says_so(arrives: Arrival, clinic: Clinic) -> None:
    person, _ = await _holder(arrives, clinic)
    await person.page.context.set_offline(offline=True)

    await person.click("Confirm appointment")

    await expect(person.page.get_by_role("alert")).to_contain_text("There is no connection")
    person.complaints.clear()  # Chromium logs the lost request itself


async def test_of_a_command_whose_answer_was_lost_nobody_says_that_nothing_was_changed(
    arrives: Arrival, clinic: Clinic
) -> None:
    person, _ = await _holder(arrives, clinic)

    async def lost(route: Route) -> None:
        await route.fetch(max_redirects=0)
        await route.abort()

    await person.page.route("**/confirm", lost)
    await person.page.route("**/stream?*", unanswered)
    await person.click("Confirm appointment")

    note = person.page.get_by_role("alert")
    await expect(note).to_contain_text("What you asked for may have been done all the same")
    assert "Nothing was changed" not in await note.inner_text()
    await person.page.reload()
    await person.sees("Your appointment is booked")
    person.complaints.clear()  # Chromium logs the lost request itself


async def test_a_page_that_did_not_come_is_said_to_have_changed_nothing(arrives: Arrival) -> None:
    person = await arrives(locale="en-GB")
    await person.open("/")
    await person.page.context.set_offline(offline=True)

    await person.click("My appointments", role="link")

    note = person.page.get_by_role("alert")
    await expect(note).to_contain_text("Nothing was changed")
    assert "may have been done" not in await note.inner_text()
    person.complaints.clear()  # Chromium logs the lost request itself


async def test_that_a_command_may_have_been_done_is_said_until_a_page_has_come(
    arrives: Arrival, clinic: Clinic
) -> None:
    person, _ = await _holder(arrives, clinic)
    await person.page.evaluate(COUNT_THE_LOST)
    await person.page.context.set_offline(offline=True)
    await person.click("Confirm appointment")
    note = person.page.get_by_role("alert")
    await expect(note).to_contain_text("may have been done")

    await person.click("My appointments", role="link")
    await expect(person.page.locator("body")).to_have_attribute("data-lost", "2")
    still = await note.inner_text()
    await person.page.context.set_offline(offline=False)
    await person.click("My appointments", role="link")
    await expect(note).to_be_hidden()
    await person.page.context.set_offline(offline=True)
    await person.click("My appointments", role="link")

    await expect(note).to_contain_text("Nothing was changed")
    assert "may have been done" in still
    assert "Nothing was changed" not in still
    person.complaints.clear()  # Chromium logs the lost requests itself


async def test_empty_places_say_what_to_do(arrives: Arrival) -> None:
    person = await arrives(locale="en-GB")
    await person.open("/visits")
    await expect(
        person.page.get_by_role("heading", name="You have no upcoming appointments")
    ).to_be_visible()
    await person.audit("visits-empty")

    await person.open("/?specialty=astrology")
    await expect(person.page.get_by_text("No doctors match your choice")).to_be_visible()
    await person.audit("doctors-empty")


def about(exactly: str, *beginnings: str) -> re.Pattern[str]:
    """What a countdown shows then, or half a minute later: this machine may be busy."""
    return re.compile("^(" + "|".join([exactly, *(f"{each}\\d" for each in beginnings)]) + ")$")


def page_of(slot: Slot) -> str:
    return f"/book/{slot.doctor_id}?at={slot.starts_at}"


async def unanswered(_route: Route) -> None:
    """A stream that never says anything."""


async def _holder(arrives: Arrival, clinic: Clinic) -> tuple[Person, str]:
    """Somebody at the page of a hold, whose clock the test turns."""
    person = await arrives(locale="en-GB")
    appointment = await clinic.hold(patient=person.patient)
    await person.page.clock.install()
    await person.page.route("**/stream?*", unanswered)  # what lapses is found by the page itself
    await person.open(f"/visits/{appointment}")
    await person.sees("Confirm your appointment")
    return person, appointment


async def _lapse(clinic: Clinic, appointment: str) -> None:
    """As ten minutes would: the row's deadline is the only truth of a hold."""
    await clinic.rows(
        "UPDATE schedules SET held_until = clock_timestamp() - interval '5 seconds'"
        " WHERE id = %s RETURNING id",
        appointment,
    )


async def _are_free(clinic: Clinic, *slots: Slot) -> bool:
    return {await clinic.state_of(slot) for slot in slots} == {"free"}


async def _of_one_doctor(clinic: Clinic) -> list[Slot]:
    """Three free slots of one doctor's day, whose date is the same in London and in Moscow."""
    await clinic.free_slot()
    for doctor in list(clinic.slots):
        by_light = [slot for slot in clinic.slots[doctor] if "06" <= slot.starts_at[11:13] < "15"]
        by_day = groupby(by_light, key=lambda slot: slot.starts_at[:10])
        for day in [list(slots) for _, slots in by_day]:
            if len(day) >= THREE and await _are_free(clinic, *day[:THREE]):
                for each in day[:THREE]:
                    clinic.slots[doctor].remove(each)
                return day[:THREE]
    raise AssertionError("no doctor has a free morning left")


async def _at_the_same_time(clinic: Clinic) -> tuple[Slot, Slot]:
    """Two free slots of different doctors that begin together."""
    await clinic.free_slot()
    seen: dict[str, Slot] = {}
    for slot in (slot for slots in clinic.slots.values() for slot in slots):
        other = seen.setdefault(slot.starts_at, slot)
        if other.doctor_id != slot.doctor_id and await _are_free(clinic, other, slot):
            for each in (other, slot):
                clinic.slots[each.doctor_id].remove(each)
            return other, slot
    raise AssertionError("no two doctors are free together")
