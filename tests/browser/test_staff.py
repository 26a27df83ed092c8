"""The clinic's staff at a browser: a doctor's day, the reception, operations; what others do."""

import asyncio
import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, ViewportSize, expect

from tests.acceptance.conftest import Clinic, Slot
from tests.browser.conftest import (
    BY_NEWS_ALONE,
    DESK,
    SOONER_THAN_A_LOOK,
    TELEPHONE,
    Arrival,
    Person,
    Scheme,
)

PATIENTLY = 30.0
"""Seconds."""

READ_SLOWLY = """() => {
    const read = Response.prototype.text;
    Response.prototype.text = async function () {
        const all = await read.call(this);
        await new Promise((go) => { window.goOn = go; });
        return all;
    };
}"""
GO_ON = "() => new Promise((done) => { window.goOn(); setTimeout(done, 0); })"


async def local_of(clinic: Clinic, slot: Slot) -> datetime:
    """The slot by the clock of its clinic."""
    doctor = (await clinic.http.get(f"/api/v1/doctors/{slot.doctor_id}")).json()
    return datetime.fromisoformat(slot.starts_at).astimezone(ZoneInfo(doctor["timeZone"]))


async def open_doctor(person: Person, clinic: Clinic, slot: Slot) -> Locator:
    """The doctor's page on the day of the slot; the line of the slot."""
    local = await local_of(clinic, slot)
    await open_live(person, f"/doctor/{slot.doctor_id}?date={local.date()}")
    return person.page.locator(f'[data-piece="{slot.starts_at}"]')


async def open_services(person: Person, clinic: Clinic, slot: Slot, patient: str = "") -> Locator:
    """The reception of the slot's clinic on its day; the slot in its doctor's column."""
    doctor = (await clinic.http.get(f"/api/v1/doctors/{slot.doctor_id}")).json()
    local = await local_of(clinic, slot)
    path = f"/reception?clinic={doctor['clinicId']}&date={local.date()}"
    await open_live(person, f"{path}&patient={patient}" if patient else path)
    return person.page.locator(f'[data-piece="{slot.doctor_id}{slot.starts_at}"]')


async def open_live(person: Person, path: str) -> None:
    """Opens a page that listens: what happens from now on is told, and it never asks by itself."""
    await person.page.add_init_script(BY_NEWS_ALONE)
    async with person.page.expect_response(lambda answer: "/stream?" in answer.url):
        await person.open(path)


async def test_the_stream_of_the_reception_begins_with_news(clinic: Clinic) -> None:
    """What has changed since the page was made is not missed."""
    slot = await clinic.free_slot()
    doctor = (await clinic.http.get(f"/api/v1/doctors/{slot.doctor_id}")).json()
    day = (await local_of(clinic, slot)).date()
    path = f"/reception/stream?clinic={doctor['clinicId']}&date={day}"

    async with asyncio.timeout(PATIENTLY), clinic.http.stream("GET", path) as stream:
        lines = stream.aiter_lines()
        while (line := await anext(lines)) != "event: day":
            assert not line.startswith("data")


async def name_of(clinic: Clinic, patient: str) -> str:
    [row] = await clinic.rows("SELECT full_name FROM patients WHERE id = %s", patient)
    return str(row["full_name"])


async def test_a_doctor_sees_a_visit_come_and_go_and_is_told_of_it(
    arrives: Arrival, clinic: Clinic
) -> None:
    doctor, patient = await arrives(locale="en-GB"), clinic.patient()
    slot = await clinic.free_slot()
    line = await open_doctor(doctor, clinic, slot)
    await expect(line).to_contain_text("free")

    appointment = await clinic.hold(slot, patient=patient)
    await expect(line).to_contain_text("not confirmed yet")
    await clinic.confirm(appointment)
    await expect(line).to_contain_text("Confirmed")
    await expect(line).to_contain_text(await name_of(clinic, patient))
    notices = doctor.page.get_by_role("region", name="What has changed")
    await expect(notices).to_contain_text(appointment[:8].upper())
    await expect(notices).to_contain_text(await name_of(clinic, patient))
    await doctor.audit("doctor-en")
    await notices.get_by_role("button", name="Mark as read").first.click()
    unread = notices.locator(".new").filter(has_text=appointment[:8].upper())
    await expect(unread).to_have_count(0)

    await clinic.cancel(appointment)
    await expect(line).to_contain_text("cancelled:")
    await expect(line).to_contain_text("free")
    await expect(notices).to_contain_text("Cancelled")


NOON = """
WITH place AS (
    INSERT INTO clinics (id, name, address, time_zone)
    SELECT gen_random_uuid(), 'Clinic at noon', 'Street 1',
        'Etc/GMT' || to_char(extract(hour FROM now() AT TIME ZONE 'UTC') - 12, 'FMSG99')
    RETURNING id
), doctor AS (
    INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id, slot_minutes)
    SELECT gen_random_uuid(), gen_random_uuid(), 'Dr Noon', 'surgery', id, 10 FROM place
    RETURNING id, clinic_id
)
INSERT INTO shifts (doctor_id, clinic_id, during)
SELECT id, clinic_id, tstzrange(at - interval '8 hours', at + interval '8 hours')
FROM doctor, date_trunc('hour', now()) at RETURNING doctor_id
"""
BOOKED_BEFORE = """
INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status, confirmed_at)
SELECT gen_random_uuid(), %s, %s, at, at + interval '10 minutes', 'confirmed', now()
FROM generate_series(1, 30) n, LATERAL (
    SELECT date_trunc('hour', now()) - n * interval '10 minutes' AS at
) begins RETURNING id
"""


async def test_a_doctors_day_opens_at_what_is_now(arrives: Arrival, clinic: Clinic) -> None:
    """By a clock that shows noon, so that half of the day has passed."""
    doctor = await arrives(locale="en-GB", window=TELEPHONE)
    [row] = await clinic.rows(NOON)
    await clinic.rows(BOOKED_BEFORE, clinic.patient(), row["doctor_id"])

    await doctor.open(f"/doctor/{row['doctor_id']}")

    await expect(doctor.page.locator("#now")).to_be_in_viewport()
    assert await doctor.page.evaluate("scrollY") > TELEPHONE["height"]
    await expect(doctor.page.locator("#now")).to_contain_text("free")


async def test_the_days_before_and_after_are_a_click_away(arrives: Arrival, clinic: Clinic) -> None:
    doctor = await arrives(locale="en-GB")
    await doctor.open(f"/doctor/{(await clinic.free_slot()).doctor_id}")
    day = doctor.page.locator("#day-title")
    today = await day.text_content()

    await doctor.click("The day after:", role="link")
    await expect(day).not_to_have_text(today or "")
    await doctor.click("Today", role="link")
    await expect(day).to_have_text(today or "")
    await doctor.open("/doctor/" + doctor.page.url.split("/doctor/")[1][:36] + "?date=2031-01-01")

    await expect(
        doctor.page.get_by_role("heading", name="No appointments on this day")
    ).to_be_visible()
    await doctor.audit("doctor-off-duty-en")


async def test_news_of_a_day_that_was_left_do_not_bring_it_back(
    arrives: Arrival, clinic: Clinic
) -> None:
    doctor = await arrives(locale="en-GB")
    slot = await clinic.free_slot()
    await open_doctor(doctor, clinic, slot)
    await doctor.page.evaluate(READ_SLOWLY)
    await clinic.hold(slot)
    async with asyncio.timeout(PATIENTLY):
        while not await doctor.page.evaluate("Boolean(window.goOn)"):  # noqa: ASYNC110 - the page raises no event
            await asyncio.sleep(0.02)

    await doctor.click("The day after:", role="link")
    local = await local_of(clinic, slot)
    await expect(doctor.page).not_to_have_url(re.compile(str(local.date())))
    day = doctor.page.locator("#day-title")
    await expect(day).not_to_contain_text(f"{local.day} ")
    gone_to = await day.text_content()
    await doctor.page.evaluate(GO_ON)

    assert await day.text_content() == gone_to


async def test_a_printed_day_is_the_list_alone(arrives: Arrival, clinic: Clinic) -> None:
    doctor = await arrives()
    line = await open_doctor(doctor, clinic, await clinic.free_slot())

    await doctor.page.emulate_media(media="print")

    await expect(line).to_be_visible()
    await expect(doctor.page.locator("header.top")).to_be_hidden()
    await expect(doctor.page.locator("#notices-title")).to_be_hidden()


async def test_the_reception_books_for_a_patient_found_by_name(
    arrives: Arrival, clinic: Clinic
) -> None:
    desk, patient = await arrives(locale="en-GB"), clinic.patient()
    name, slot = await name_of(clinic, patient), await clinic.free_slot()
    place = await open_services(desk, clinic, slot)
    await desk.page.get_by_label("Name").fill(name)
    await desk.page.get_by_label("Name").press("Enter")
    matches = desk.page.get_by_role("link", name=name)
    await expect(matches.first).to_be_visible()
    await desk.audit("reception-patient-en")
    place = await open_services(desk, clinic, slot, patient)

    await place.get_by_role("button").click()

    note = desk.page.get_by_role("group")
    await expect(note).to_contain_text(f"Booked: {name}")
    await expect(note.locator("#note-title")).to_be_focused()
    await expect(place).to_contain_text(name)
    assert await clinic.state_of(slot) == "booked"
    await desk.audit("reception-booked-en")


async def test_the_reception_sees_at_once_what_patients_take_and_keeps_its_place(
    arrives: Arrival, clinic: Clinic
) -> None:
    desk, patient = await arrives(locale="en-GB"), clinic.patient()
    slot, other = await two_of_a_day(clinic)
    place = await open_services(desk, clinic, slot, patient)
    kept = desk.page.locator(f'[data-piece="{other.doctor_id}{other.starts_at}"] button')
    await kept.focus()
    held = await clinic.hold(slot)

    await expect(place).to_contain_text("not confirmed yet")
    await expect(kept).to_be_focused()
    await clinic.cancel(held)
    await expect(place.get_by_role("button")).to_be_visible(timeout=SOONER_THAN_A_LOOK)


async def test_the_reception_is_told_of_a_time_that_went_meanwhile(
    arrives: Arrival, clinic: Clinic
) -> None:
    desk, patient = await arrives(locale="en-GB", scripts=False), clinic.patient()
    slot = await clinic.free_slot()
    doctor = (await clinic.http.get(f"/api/v1/doctors/{slot.doctor_id}")).json()
    day = (await local_of(clinic, slot)).date()
    await desk.open(f"/reception?clinic={doctor['clinicId']}&date={day}&patient={patient}")
    place = desk.page.locator(f'[data-piece="{slot.doctor_id}{slot.starts_at}"]')
    await clinic.hold(slot)

    await place.get_by_role("button").click()

    await expect(desk.page.get_by_role("group")).to_contain_text("has just been taken")
    await expect(place.get_by_role("button")).to_have_count(0)


async def test_the_nearest_free_time_of_the_clinic_is_offered(
    arrives: Arrival, clinic: Clinic
) -> None:
    desk, patient = await arrives(locale="en-GB"), clinic.patient()
    await open_services(desk, clinic, await clinic.free_slot(), patient)
    nearest = desk.page.get_by_role("list", name="Next available times")

    await nearest.get_by_role("button").first.click()

    await expect(desk.page.get_by_role("group")).to_contain_text("Booked:")


async def test_operations_see_what_is_held_and_where_to_look(
    arrives: Arrival, clinic: Clinic
) -> None:
    watch = await arrives(locale="en-GB")
    await clinic.hold()

    await watch.open("/ops")

    await watch.sees("Operations")
    held = watch.page.get_by_role("listitem").filter(has_text="Held now")
    await expect(held.locator(".value")).to_have_text(re.compile("[1-9]"))
    link = held.get_by_role("link")
    assert str(await link.get_attribute("href")).startswith(clinic.state["temporalUi"] or "?")
    unread = watch.page.get_by_role("listitem").filter(has_text="Events in the delivery queue")
    await expect(unread.locator(".value")).to_have_text(re.compile("[0-9]+"))
    await watch.audit("ops-en")


@pytest.mark.parametrize(
    ("scheme", "window"), [("light", DESK), ("dark", TELEPHONE)], ids=["desk", "telephone"]
)
async def test_every_page_of_the_staff_is_for_everybody(
    arrives: Arrival, clinic: Clinic, scheme: Scheme, window: ViewportSize
) -> None:
    person = await arrives(window=window, scheme=scheme)
    slot = await clinic.free_slot()
    booked = await clinic.hold(slot)
    await clinic.confirm(booked)
    size = f"{scheme}-{window['width']}"

    await open_doctor(person, clinic, slot)
    await person.audit(f"doctor-{size}-ru")
    await open_services(person, clinic, slot, person.patient)
    await person.audit(f"reception-{size}-ru")
    await person.open(f"/reception/visits/{booked}")
    await person.audit(f"desk-visit-{size}-ru")
    await person.open(f"/reception/visits/{booked}/move")
    await person.audit(f"desk-move-{size}-ru")
    await person.open(f"/reception/visits/{booked}/exchange?q={person.patient[:8]}")
    await person.audit(f"desk-exchange-{size}-ru")
    await person.open("/reception/unresolved")
    await person.audit(f"unresolved-{size}-ru")
    await person.open("/ops")
    await person.audit(f"ops-{size}-ru")
    await person.open(f"/ops/bookings/{booked}")
    await person.audit(f"ops-booking-{size}-ru")


@pytest.mark.parametrize("path", ["/reception", "/ops"])
async def test_the_staffs_pages_need_no_script(arrives: Arrival, path: str) -> None:
    person = await arrives(locale="en-GB", scripts=False)

    await person.open(path)

    await expect(person.page.get_by_role("heading", level=1)).to_be_visible()


async def two_of_a_day(clinic: Clinic) -> tuple[Slot, Slot]:
    """Two free slots of one doctor on one day."""
    while True:
        first, other = await clinic.free_slot(), await clinic.free_slot()
        if other.doctor_id == first.doctor_id and other.starts_at[:10] == first.starts_at[:10]:
            return first, other
