"""A patient books in a browser: in both languages, on any screen, with and without scripts."""

import re
from dataclasses import dataclass
from datetime import datetime

import pytest
from icalendar import Calendar
from playwright.async_api import ViewportSize, expect

from tests.acceptance.conftest import Clinic
from tests.browser.conftest import DESK, TELEPHONE, Arrival, FrontClinic, Person, Scheme


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the pages say in one language."""

    locale: str
    language: str
    choose: str
    confirm_title: str
    confirm: str
    booked: str
    cancel: str
    sure: str
    cancelled: str
    visits: str

    async def audit(self, person: Person, name: str) -> None:
        """The same page in the other language need not be looked over twice."""
        if self.language == "ru":
            await person.audit(name)


RUSSIAN = Words(
    locale="ru-RU",
    language="ru",
    choose="К кому вы хотите записаться?",  # noqa: RUF001 - Cyrillic
    confirm_title="Подтвердите запись",
    confirm="Подтвердить запись",
    booked="Вы записаны",
    cancel="Отменить запись",
    sure="Да, отменить",
    cancelled="Запись отменена",
    visits="Мои записи",
)
ENGLISH = Words(
    locale="en-GB",
    language="en",
    choose="Who would you like to see?",
    confirm_title="Confirm your appointment",
    confirm="Confirm appointment",
    booked="Your appointment is booked",
    cancel="Cancel appointment",
    sure="Yes, cancel it",
    cancelled="Your appointment is cancelled",
    visits="My appointments",
)


@pytest.mark.parametrize("words", [RUSSIAN, ENGLISH], ids=["ru", "en"])
async def test_three_clicks_lead_from_a_cold_page_to_a_confirmed_visit(
    words: Words, arrives: Arrival, clinic: FrontClinic
) -> None:
    person = await arrives(locale=words.locale)
    page = person.page
    doctor_id = await clinic.doctor_of_tomorrow()
    await person.open()
    await person.sees(words.choose)
    await expect(page.locator("html")).to_have_attribute("lang", words.language)
    await words.audit(person, "doctors")

    await page.locator(f'.doctor h3 a[href="/book/{doctor_id}"]').click()
    await expect(page.locator("button.slot").first).to_be_visible()
    await words.audit(person, "times")
    await page.locator("button.slot").first.click()
    await person.sees(words.confirm_title)
    await expect(page.get_by_role("timer")).to_have_text(re.compile("^(10:00|9:[3-5].)$"))
    await words.audit(person, "held")
    await person.click(words.confirm)

    await person.sees(words.booked)
    appointment = page.url.rpartition("/")[2]
    await expect(page.locator(".code")).to_have_text(appointment[:8].upper())
    assert (await clinic.get(appointment))["status"] == "confirmed"
    await words.audit(person, "confirmed")


@pytest.mark.parametrize("words", [RUSSIAN, ENGLISH], ids=["ru", "en"])
async def test_a_confirmed_visit_is_listed_has_a_calendar_file_and_can_be_cancelled(
    words: Words, arrives: Arrival, clinic: Clinic
) -> None:
    person = await arrives(locale=words.locale)
    slot = await clinic.free_slot()
    appointment = await clinic.hold(slot, patient=person.patient)
    await clinic.confirm(appointment)

    await person.open("/visits")
    await words.audit(person, "visits")
    await person.page.locator(f'a[href="/visits/{appointment}"]').click()
    await person.sees(words.booked)
    async with person.page.expect_download() as downloading:
        await person.page.locator("a[download]").click()
    file = await (await downloading.value).path()
    (event,) = Calendar.from_ical(file.read_bytes()).walk("VEVENT")
    assert event["UID"] == f"{appointment}@priyom"
    assert event.decoded("DTSTART") == datetime.fromisoformat(slot.starts_at)
    assert "ATTENDEE" not in event

    await person.page.get_by_text(words.cancel, exact=True).click()
    await person.click(words.sure)
    await person.sees(words.cancelled)
    await words.audit(person, "cancelled")
    assert await clinic.state_of(slot) == "free"


async def test_the_nearest_time_of_a_card_is_held_by_one_click(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    person, doctor_id = await arrives(), await clinic.doctor_of_tomorrow()
    await person.open()

    card = person.page.locator(f'.doctor:has(a[href="/book/{doctor_id}"])')
    await card.locator("form button").click()

    await person.sees("Подтвердите запись")
    assert (await clinic.get(person.page.url.rpartition("/")[2]))["status"] == "held"


async def test_the_keyboard_alone_is_enough(arrives: Arrival, clinic: FrontClinic) -> None:
    person, doctor_id = await arrives(locale="en-GB"), await clinic.doctor_of_tomorrow()
    await person.open("/")
    await person.page.keyboard.press("Tab")
    await person.focus_is_on("Skip to main content")
    await person.page.keyboard.press("Enter")

    await _tab_to(person, f'.doctor h3 a[href="/book/{doctor_id}"]')
    await person.page.keyboard.press("Enter")
    await expect(person.page.locator("#day")).to_be_visible()
    await _tab_to(person, "button.slot")
    await person.page.keyboard.press("Enter")
    await person.sees("Confirm your appointment")
    await _tab_to(person, "#confirm")
    await person.page.keyboard.press("Space")

    await person.sees("Your appointment is booked")
    await person.focus_is_on("Your appointment is booked")


async def test_everything_needed_works_without_scripts(arrives: Arrival, clinic: Clinic) -> None:
    person = await arrives(locale="en-GB", scripts=False)
    slot = await clinic.free_slot()

    await person.open(_page_of(slot.doctor_id, slot.starts_at))
    await person.hold(slot.starts_at)
    await person.sees("Confirm your appointment")
    await expect(person.page.get_by_text("10 more minutes")).to_be_visible()
    await person.click("Add 10 minutes")
    await expect(person.page.get_by_text("1 extension left")).to_be_visible()
    await person.click("Confirm appointment")
    await person.sees("Your appointment is booked")
    await person.page.get_by_text("Cancel appointment", exact=True).click()
    await person.click("Yes, cancel it")
    await person.sees("Your appointment is cancelled")


@pytest.mark.parametrize(
    ("window", "scheme"),
    [(TELEPHONE, "dark"), (ViewportSize(width=640, height=450), "light")],
    ids=["320", "200%"],
)
async def test_a_narrow_window_and_a_large_zoom_lose_nothing(
    window: ViewportSize, scheme: Scheme, arrives: Arrival, clinic: Clinic
) -> None:
    """1280 px at 200 % are 640 px of the page."""
    person = await arrives(locale="en-GB", window=window, scheme=scheme)

    async def look(name: str) -> None:
        await (person.audit(name) if window is TELEPHONE else person.fits())

    slot = await clinic.free_slot()
    await person.open()
    await look("doctors-320")
    await person.open(_page_of(slot.doctor_id, slot.starts_at))
    await look("times-320")
    await person.hold(slot.starts_at)
    await person.sees("Confirm your appointment")
    await look("held-320")
    await person.click("Confirm appointment")
    await person.sees("Your appointment is booked")
    await look("confirmed-320")
    await person.open("/visits")
    await look("visits-320")


async def test_the_switches_of_language_and_patient_stay_on_the_page(
    arrives: Arrival, clinic: Clinic
) -> None:
    person = await arrives(locale="de-DE", window=DESK)
    slot = await clinic.free_slot()
    await person.open(f"/book/{slot.doctor_id}")
    await expect(person.page.locator("html")).to_have_attribute("lang", "en")

    await person.click("Русский")
    await expect(person.page.locator("html")).to_have_attribute("lang", "ru")
    chosen = person.page.locator("#patient")
    before = await chosen.input_value()
    await chosen.select_option(index=1)
    await person.click("Сменить")

    assert await person.page.locator("#patient").input_value() != before
    assert person.page.url.endswith(f"/book/{slot.doctor_id}")


async def _tab_to(person: Person, selector: str) -> None:
    """Tab by tab, as somebody without a mouse."""
    for _ in range(300):
        await person.page.keyboard.press("Tab")
        if await person.page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"{selector} is not reached by the keyboard")


def _page_of(doctor_id: str, starts_at: str) -> str:
    return f"/book/{doctor_id}?at={starts_at}"


@pytest.mark.parametrize("locale", ["ru-RU", "en-GB"])
@pytest.mark.parametrize("height", [640, 844])
async def test_the_first_doctor_stands_high_on_the_first_screen_of_a_phone(
    arrives: Arrival, locale: str, height: int
) -> None:
    """Below the header, which the notes of a demonstration are above, by less than 45 %."""
    phone = await arrives(locale=locale, window=ViewportSize(width=360, height=height))

    await phone.open()

    header = await phone.page.locator("header.top").bounding_box()
    card = await phone.page.locator(".doctor").first.bounding_box()
    assert header is not None
    assert card is not None
    assert card["y"] - header["y"] < 0.45 * height
    await expect(phone.page.locator(".doctor form button").first).to_be_in_viewport()
    await phone.audit(f"first-screen-{height}-{locale}")


async def test_the_fields_of_the_search_fold_away_on_a_phone_and_stand_open_on_a_desk(
    arrives: Arrival,
) -> None:
    phone = await arrives(locale="en-GB", window=TELEPHONE, scripts=False)
    desk = await arrives(locale="en-GB", scripts=False)
    for person in (phone, desk):
        await person.open()
    evenings = phone.page.get_by_label("Starts")
    await expect(evenings).to_be_hidden()
    await expect(desk.page.get_by_label("Starts")).to_be_visible()

    await phone.page.get_by_text("Specialty, clinic, days").click()
    await evenings.select_option("17:00")
    await phone.click("Show times")

    await expect(phone.page.get_by_role("heading", name="Available times")).to_be_visible()
    await expect(phone.page.locator("summary")).to_contain_text("at 17:00 or later")
    await expect(evenings).to_be_hidden()
