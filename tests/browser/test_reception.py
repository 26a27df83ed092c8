"""The receptionist's tasks by keyboard alone, each with its number of keys (docs/desks.md)."""

from datetime import UTC, datetime

from playwright.async_api import expect

from tests.acceptance.conftest import Clinic
from tests.browser.conftest import Arrival
from tests.browser.keys import KEYS, Keys
from tests.browser.test_staff import open_live, open_services

LETTERS = str.maketrans("0123456789", "ghijklmnop")
"""A word without digits: digits are looked for in telephones."""


async def named_like_nobody(clinic: Clinic, patient: str) -> str:
    """The first match is this patient then, and no namesake who has an appointment at the time."""
    name = f"Quillfeather {patient[:8].translate(LETTERS)}"
    renamed = "UPDATE patients SET full_name = %s WHERE id = %s RETURNING id"
    assert await clinic.rows(renamed, name, patient)
    return name


def not_today() -> tuple[str, int]:
    """A weekday that it is nowhere on earth, so that no time of it begins soon."""
    return ("Tue", 2) if datetime.now(UTC).isoweekday() in {3, 4, 5} else ("Thu", 4)


async def test_from_the_search_to_the_booking_are_four_keys_and_back_three(
    arrives: Arrival, clinic: Clinic
) -> None:
    desk, patient = await arrives(locale="en-GB"), clinic.patient()
    name, slot = await named_like_nobody(clinic, patient), await clinic.free_slot()
    await open_services(desk, clinic, slot)
    keys = Keys(desk.page)
    await expect(desk.page.locator("#q")).to_be_focused()

    await keys.type(name)
    await keys.press("Enter")
    await expect(desk.page.locator(".matches a").first).to_be_focused()
    await keys.press("Enter")
    await expect(desk.page.locator("#when-title")).to_be_focused()
    await keys.press("ArrowDown")
    first = desk.page.locator("button.slot:focus")
    await expect(first).to_have_count(1)
    await keys.press("Enter")

    note = desk.page.get_by_role("group")
    await expect(note).to_contain_text("Booked:")
    await expect(note.locator("#note-title")).to_be_focused()
    found = KEYS[
        "find a patient by name, telephone or booking reference, and book the first free time"
    ]
    assert keys.pressed == found

    await keys.press("Tab", "Tab", "Enter")

    await expect(desk.page.get_by_text("Cancelled", exact=True)).to_be_visible()
    assert keys.pressed == found + KEYS["undo what was just booked by mistake"]
    [row] = await clinic.rows(
        "SELECT status, reason FROM schedules WHERE id = %s", desk.page.url.rpartition("/")[2]
    )
    assert (row["status"], row["reason"]) == ("cancelled", "mistake")


async def test_a_reference_is_cancelled_with_a_reason_in_seven_keys(
    arrives: Arrival, clinic: Clinic
) -> None:
    desk = await arrives(locale="en-GB")
    booked = await clinic.hold()
    await clinic.confirm(booked)
    await desk.open("/reception")
    await expect(desk.page.locator("#q")).to_be_focused()
    keys = Keys(desk.page)

    await keys.type(booked[:8].upper())
    await keys.press("Enter")
    await expect(desk.page.locator(".matches a").first).to_be_focused()
    await keys.press("Enter")
    await expect(desk.page.get_by_text("To read out:")).to_be_visible()
    await expect(desk.page.locator("h1")).to_be_focused()
    await keys.press("Tab", "Tab", "ArrowDown", "Tab", "Enter")

    await expect(desk.page.get_by_text("Cancelled", exact=True)).to_be_visible()
    assert keys.pressed == KEYS["cancel an appointment by its reference, with a reason"]
    [row] = await clinic.rows("SELECT reason FROM schedules WHERE id = %s", booked)
    assert row["reason"] == "clinic_request"


async def test_any_doctor_of_a_specialty_on_a_weekdays_afternoon_is_booked_by_keyboard(
    arrives: Arrival, clinic: Clinic
) -> None:
    desk, patient = await arrives(locale="en-GB"), clinic.patient()
    name, (weekday, number) = await named_like_nobody(clinic, patient), not_today()
    await desk.open("/reception")
    await expect(desk.page.locator("#q")).to_be_focused()
    keys = Keys(desk.page)
    await keys.type(name)
    await keys.press("Enter")
    await expect(desk.page.locator(".matches a").first).to_be_focused()
    await keys.press("Enter")
    await expect(desk.page.locator("#when-title")).to_be_focused()
    keys.pressed = 0  # the patient is chosen

    await keys.press("Tab", "Enter")
    await expect(desk.page.locator("#specialty")).to_be_focused()
    await keys.type("Der")
    await keys.press("Tab")
    await keys.type(weekday)
    await keys.press("Tab")
    await keys.type("from")
    await keys.press("Tab", "Tab", "Enter")
    await expect(desk.page.locator("#times-title")).to_be_focused()
    await desk.audit("reception-times-en")
    await keys.press("ArrowDown")
    await expect(desk.page.locator("button.slot:focus")).to_have_count(1)
    await keys.press("Enter")

    await expect(desk.page.get_by_role("group")).to_contain_text(f"Booked: {name}")
    task = "book any doctor of a specialty on a weekday's afternoon"
    assert keys.pressed == KEYS[f"with a patient chosen, {task}"]
    [row] = await clinic.rows(
        "SELECT d.specialty, extract(isodow FROM local) AS weekday,"
        " extract(hour FROM local) AS hour FROM schedules s"
        " JOIN doctors d ON d.id = s.doctor_id JOIN clinics c ON c.id = d.clinic_id,"
        " LATERAL (SELECT s.starts_at AT TIME ZONE c.time_zone AS local) l WHERE s.patient_id = %s",
        patient,
    )
    assert (row["specialty"], row["weekday"]) == ("dermatology", number)
    assert row["hour"] in range(12, 17)


async def test_what_was_cancelled_elsewhere_is_not_cancelled_unseen(
    arrives: Arrival, clinic: Clinic
) -> None:
    desk = await arrives(locale="en-GB", scripts=False)
    held = await clinic.hold()
    await desk.open(f"/reception/visits/{held}")
    await clinic.confirm(held)

    await desk.click("Release this time")

    await expect(desk.page.get_by_text("was changed elsewhere")).to_be_visible()
    assert (await clinic.get(held))["status"] == "confirmed"


async def test_what_happens_elsewhere_takes_neither_the_place_nor_the_choice_of_a_person(
    arrives: Arrival, clinic: Clinic
) -> None:
    desk, held = await arrives(locale="en-GB"), await clinic.hold()
    await open_live(desk, f"/reception/visits/{held}")
    reason = desk.page.get_by_label("Reason")
    await reason.select_option("mistake")
    await reason.focus()

    await clinic.confirm(held)

    cancel = desk.page.get_by_role("button", name="Cancel appointment")
    await expect(cancel).to_be_visible()
    await expect(reason).to_be_focused()
    await expect(reason).to_have_value("mistake")


async def test_a_key_gives_no_other_command_than_the_one_that_was_there(
    arrives: Arrival, clinic: Clinic
) -> None:
    desk, held = await arrives(locale="en-GB"), await clinic.hold()
    await open_live(desk, f"/reception/visits/{held}")
    await desk.page.get_by_role("button", name="Release this time").focus()

    await clinic.confirm(held)
    await expect(desk.page.get_by_role("button", name="Cancel appointment")).to_be_visible()
    await expect(desk.page.locator("h1")).to_be_focused()
    await desk.page.keyboard.press("Enter")

    assert (await clinic.get(held))["status"] == "confirmed"


async def test_escape_leads_to_the_search_and_arrows_from_time_to_time(
    arrives: Arrival, clinic: Clinic
) -> None:
    desk, slot = await arrives(locale="en-GB"), await clinic.free_slot()
    await open_services(desk, clinic, slot, clinic.patient())
    column = desk.page.locator(f'[data-piece^="{slot.doctor_id}"]')
    first = column.get_by_role("button").first
    await first.focus()

    await desk.page.keyboard.press("ArrowDown")
    await expect(first).not_to_be_focused()
    await desk.page.keyboard.press("ArrowUp")

    await expect(first).to_be_focused()
    await desk.page.keyboard.press("Escape")
    await desk.focus_is_on("Change patient")


async def test_the_printed_day_is_the_table_alone(arrives: Arrival, clinic: Clinic) -> None:
    desk = await arrives()
    place = await open_services(desk, clinic, await clinic.free_slot())

    await desk.page.emulate_media(media="print")

    await expect(place).to_be_visible()
    for hidden in ("header.top", "#who-title", ".filters", "#choose-first"):
        await expect(desk.page.locator(hidden)).to_be_hidden()
