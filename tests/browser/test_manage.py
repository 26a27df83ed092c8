"""A manager at a browser: a clinic, a doctor and the hours, by keyboard and on a telephone."""

from datetime import date
from uuid import uuid4

from playwright.async_api import expect

from tests.acceptance.conftest import Slot
from tests.browser.conftest import TELEPHONE, Arrival, FrontClinic
from tests.browser.keys import KEYS, Keys
from tests.browser.test_desk_keys import own

PATIENCE_MS = 60_000
"""A page without a stream asks every five seconds; a busy machine answers late."""


async def test_a_clinic_can_be_booked_after_three_forms_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    """docs/desks.md says by how many keys; what is typed is not counted."""
    manager, name = await arrives(locale="en-GB"), f"Clinic {uuid4().hex[:8]}"
    await manager.open()
    await manager.click("Manage clinics", role="link")
    await expect(manager.page.locator('link[href*="/staff."]')).to_have_count(1)
    await manager.page.locator("#clinic-name").focus()
    keys = Keys(manager.page)

    await keys.type(name)
    await keys.press("Tab")
    await keys.type("High Street 1")
    await keys.press("Enter")
    await manager.focus_is_on("Saved.")
    await keys.press("Tab", "Tab")
    await expect(manager.page.locator("#doctor-fullName")).to_be_focused()
    await keys.type("Dr Ada Morrow")
    await keys.press("Tab")
    await keys.type("Surgeon")
    await keys.press("Enter")
    await expect(manager.heading("Hours: Dr Ada Morrow")).to_be_visible()
    await manager.audit("manage-plan-en")
    await manager.page.get_by_role("button", name="Save the hours").focus()
    await keys.press("Enter")

    await expect(manager.page.locator("#bookable")).to_contain_text("Patients can book.")
    assert keys.pressed == KEYS["from nothing to the first bookable time"]
    await manager.audit("manage-doctor-en")
    await manager.click("See it as patients do", role="link")
    await expect(manager.page.locator("button.slot").first).to_be_visible()
    await expect(manager.page.locator('link[href*="/patient."]')).to_have_count(1)
    [row] = await clinic.rows("SELECT id::text AS id FROM clinics WHERE name = %s", name)
    await manager.open(f"/manage/clinics/{row['id']}")
    await manager.audit("manage-clinic-en")


async def test_hours_that_leave_an_appointment_out_are_shown_before_they_are_saved(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    manager = await arrives(locale="ru-RU", window=TELEPHONE)
    doctor = await clinic.doctor_of_tomorrow("surgery")
    free = (await clinic.http.get(f"/api/v1/doctors/{doctor}")).json()["nextFree"]
    booked = await clinic.hold(Slot(doctor, free))
    await clinic.confirm(booked)

    await manager.open(f"/manage/doctors/{doctor}/plan")
    for name in ("from", "until"):
        for each in await manager.page.locator(f'input[name="{name}"]').all():
            await each.fill("")
    await manager.click("Сохранить часы")

    await manager.sees("Проверьте перед сохранением")
    await expect(manager.page.get_by_role("main")).to_contain_text(booked[:8].upper())
    await manager.audit("manage-preview-ru")
    await manager.click("Сохранить и предложить другое время")
    await expect(manager.page.locator("#bookable")).to_contain_text("Записаться нельзя")
    assert (await clinic.get(booked))["status"] == "confirmed"


async def test_the_bar_of_a_campaign_moves_while_one_looks_at_it(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    manager, place = await arrives(locale="en-GB"), await own(clinic)
    visit = await place.booked()
    campaign = await place.closed(0)

    await manager.open(f"/manage/campaigns/{campaign}")
    await manager.page.evaluate("window.isTheSamePage = true")
    await expect(manager.page.locator("rect.part-asked[width='1000']")).to_have_count(
        1, timeout=PATIENCE_MS
    )
    await manager.audit("manage-campaign-en")
    await clinic.cancel(visit)
    cancelled = manager.page.locator("rect.part-cancelled[width='1000']")
    await expect(cancelled).to_have_count(1, timeout=PATIENCE_MS)

    await expect(manager.page.get_by_text("finished")).to_be_visible()
    assert await manager.page.evaluate("window.isTheSamePage")


async def test_a_day_of_the_calendar_is_chosen_and_closed_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    manager, place = await arrives(locale="en-GB"), await own(clinic)
    telephone = await arrives(locale="ru-RU", window=TELEPHONE)
    path = f"/manage/clinics/{place.id}/exceptions"
    day = f"{date.fromisoformat(place.date):%A, %-d %B}"

    await manager.open(f"{path}?month={place.date}")
    await manager.page.get_by_role("link", name=day, exact=True).focus()
    await manager.page.keyboard.press("Enter")
    await manager.focus_is_on(day)
    await expect(
        manager.page.get_by_text("Nothing is closed or added on this day.")
    ).to_be_visible()
    await expect(manager.page.locator("#exception-from")).to_have_value(f"{place.date}T00:00")
    await manager.page.locator("#exception-from").press("Enter")
    await manager.sees("Check before you save")
    await manager.click("Close this time")
    await manager.focus_is_on("Saved. Nobody had an appointment in this time.")
    await manager.open(f"{path}?month={place.date}")
    closed = manager.page.get_by_role("cell").filter(
        has=manager.page.get_by_role("link", name=day, exact=True)
    )
    await expect(closed).to_contain_text("The whole clinic")
    await manager.audit("manage-calendar-en")
    await telephone.open(f"{path}?month={place.date}")
    await telephone.audit("manage-calendar-ru")
