"""What the desks do less often, by keyboard alone, each with its number of keys."""

from playwright.async_api import expect

from tests.browser.conftest import Arrival, FrontClinic, Person
from tests.browser.keys import KEYS, Keys
from tests.browser.test_desk_keys import Own, at_a_clinic, at_the_day, own, ruled, with_a_patient
from tests.browser.test_reception import named_like_nobody

MISSED = """
WITH behind AS (
    INSERT INTO shifts (doctor_id, clinic_id, during)
    SELECT id, clinic_id, tstzrange(now() - interval '9 hours', now() - interval '3 hours')
    FROM doctors WHERE id = %s RETURNING doctor_id, lower(during) AS at
)
INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status, confirmed_at)
SELECT gen_random_uuid(), %s, doctor_id, at, at + interval '30 minutes', 'confirmed', now()
FROM behind RETURNING id
"""
MARKED = "UPDATE schedules SET status = 'no_show' WHERE id = %s RETURNING id"
APPEALED = """
INSERT INTO appeals (appointment_id, version, clinic_id)
SELECT id, version, clinic_id FROM schedules WHERE id = %s RETURNING appointment_id
"""


async def at_a_record(desk: Person, place: Own, name: str) -> Keys:
    """Four keys: found by the name, chosen, and the record opened."""
    keys = await with_a_patient(desk, place, name)
    await keys.press("Shift+Tab", "Enter")
    await expect(desk.page.locator("#fullName")).to_be_visible()
    await expect(desk.page.locator("h1")).to_be_focused()
    return keys


async def test_two_records_of_one_patient_are_merged_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    desk, place = await arrives(locale="en-GB"), await own(clinic)
    twice, kept = clinic.patient(), clinic.patient()
    name, other = await named_like_nobody(clinic, twice), await named_like_nobody(clinic, kept)

    keys = await at_a_record(desk, place, name)
    await keys.on_to("#q")
    await keys.type(other)
    await keys.press("Enter")
    await expect(desk.page.locator('button[name="other"]').first).to_be_focused()
    await keys.press("Tab", "Enter")

    await desk.focus_is_on("The two records are one now: this one.")
    await desk.sees(other)
    assert keys.pressed == KEYS["merge a record into another one of the same patient (managers)"]
    [row] = await clinic.rows("SELECT merged_into::text FROM patients WHERE id = %s", twice)
    assert row["merged_into"] == kept


async def test_a_record_is_erased_by_keyboard_after_a_question(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    desk, place, patient = await arrives(locale="en-GB"), await own(clinic), clinic.patient()
    name = await named_like_nobody(clinic, patient)

    keys = await at_a_record(desk, place, name)
    await keys.on_to("details.sure summary")
    await keys.press("Enter", "Tab", "Enter")

    await desk.focus_is_on("The record is erased.")
    assert keys.pressed == KEYS["erase a record (managers)"]
    assert await clinic.rows("SELECT full_name FROM patients WHERE id = %s", patient) != [
        {"full_name": name}
    ]


async def test_a_campaign_is_paused_by_keyboard(arrives: Arrival, clinic: FrontClinic) -> None:
    manager, place = await arrives(locale="en-GB"), await own(clinic)
    await place.booked(2)
    campaign = await place.closed(2)

    keys = await at_a_clinic(manager, place)
    await keys.press("Tab", "Enter")
    await expect(manager.heading("Leave and holidays")).to_be_focused()
    await keys.on_to(f'a[href="/manage/campaigns/{campaign}"]')
    await keys.press("Enter")
    await expect(manager.heading("Affected patients")).to_be_focused()
    await keys.on_to('form[action$="/pause"] button')
    await keys.press("Enter")
    await expect(manager.page.get_by_text("paused", exact=True)).to_be_visible()
    paused = await clinic.rows("SELECT state FROM campaigns WHERE id = %s", campaign)

    assert keys.pressed == KEYS["watch the patients of a leave, and pause"]
    assert paused == [{"state": "paused"}]


async def test_a_rule_of_a_specialty_is_set_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    manager, place = await arrives(locale="en-GB"), await own(clinic)

    async with ruled(place):
        await at_a_clinic(manager, place)
        await manager.click("Rules for patients", role="link")
        await expect(manager.heading("Rules for patients")).to_be_focused()
        keys = Keys(manager.page)
        await keys.on_to("#specialty")
        await keys.type("Surg")
        await keys.press("Tab", "Enter")
        await manager.focus_is_on("Surgery")
        await keys.on_to("#specialty-bookNotice")
        await keys.type("2 d")
        await keys.on_to("form[action$='/specialty'] button")
        await keys.press("Enter")
        await manager.focus_is_on("Saved.")
        rules = (await clinic.http.get(f"/api/v1/clinics/{place.id}/rules")).json()

    assert keys.pressed == KEYS["set a rule of a specialty"]
    assert rules["specialties"] == {"surgery": {"bookNotice": "P2D"}}


async def test_a_mark_is_looked_at_again_and_kept_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    desk, place, patient = await arrives(locale="en-GB"), await own(clinic), clinic.patient()
    [visit] = await clinic.rows(MISSED, place.doctor, patient)
    await clinic.rows(MARKED, visit["id"])
    await clinic.rows(APPEALED, visit["id"])

    keys = await at_the_day(desk, place)
    await keys.press("Shift+Tab", "Shift+Tab", "Shift+Tab")
    await desk.focus_is_on("Not marked yet")
    await keys.press("Enter")
    await desk.focus_is_on("Patients ask to look again")
    await keys.on_to('select[name="because"]')
    await keys.press("ArrowDown", "Tab", "Enter")
    await expect(desk.page.get_by_text("Patients ask to look again")).to_be_hidden()

    assert keys.pressed == KEYS["look again at a mark that its patient says is wrong"]
    [kept] = await clinic.rows(
        "SELECT kept_because FROM appeals WHERE appointment_id = %s", visit["id"]
    )
    assert kept["kept_because"] == "came_too_late"
