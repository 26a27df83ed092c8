"""The longest names in the narrowest window and in large text: nobody scrolls sideways."""

from uuid import uuid4

import pytest
from playwright.async_api import ViewportSize

from tests.acceptance.conftest import Clinic, Slot
from tests.browser.conftest import TELEPHONE, Arrival

PHONE = ViewportSize(width=390, height=844)
TWICE = "document.documentElement.style.fontSize = '200%'"
NAMES = {
    "no blank": "Donaudampfschifffahrtsgesellschaftskapitänswitwenundwaisenkasse",
    "right to left": "פרופסורמומחהלרפואתעורילדיםומבוגריםבמרכזהרפואיהגדולשלירושליםוהסביבה",
}
SOMEWHERE = """
WITH place AS (
    INSERT INTO clinics (id, name, address, time_zone, phone)
    VALUES (gen_random_uuid(), %(name)s, %(name)s, 'UTC', '+442079460018') RETURNING id
), doctor AS (
    INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id)
    SELECT gen_random_uuid(), gen_random_uuid(), %(name)s, %(name)s, id FROM place
    RETURNING id, clinic_id
)
INSERT INTO shifts (doctor_id, clinic_id, during)
SELECT id, clinic_id, tstzrange(at, at + interval '3 hours')
FROM doctor, date_trunc('hour', now() + interval '40 hours') at
RETURNING doctor_id::text, clinic_id::text, lower(during) AS starts_at
"""


def pages(place: dict[str, str], patient: str, held: str, booked: str, free: str) -> list[str]:
    doctor, clinic, name = place["doctor_id"], place["clinic_id"], place["name"]
    desk = f"/reception?clinic={clinic}"
    return [
        *(f"/?clinic={clinic}", f"/?clinic={clinic}&weekdays=1&weekdays=2&weekdays=3"),
        *(f"/book/{doctor}", "/visits", "/proxies", f"/visits/{held}", f"/visits/{booked}"),
        *(f"/visits/{booked}/move", f"/visits/{booked}/move/to?doctor={doctor}&at={free}"),
        *(f"/doctor/{doctor}", desk, f"{desk}&patient={patient}", f"{desk}&q={name[:12]}"),
        *(f"{desk}&note=booked&about={booked}", f"/reception/visits/{booked}"),
        f"/reception/times?asked=1&clinic={clinic}&patient={patient}",
        f"/reception/visits/{booked}/move",
        f"/reception/visits/{booked}/exchange?q={name[:12]}",
        f"/reception/unresolved?clinic={clinic}",
        *("/ops", f"/ops/bookings?q={name[:12]}", f"/ops/bookings/{booked}"),
        *("/manage", f"/manage/clinics/{clinic}"),
        *(f"/manage/doctors/{doctor}", f"/manage/doctors/{doctor}/plan"),
        *("/problems", "/problems/slot_taken", f"/visits/{uuid4()}"),
    ]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
async def test_no_page_scrolls_sideways_with_the_longest_names(
    name: str, arrives: Arrival, clinic: Clinic
) -> None:
    narrow = await arrives(locale="en-GB", window=TELEPHONE)
    large = await arrives(locale="ru-RU", window=PHONE)
    patient = narrow.patient
    await large.page.context.add_cookies([{"name": "patient", "value": patient, "url": large.base}])
    [place] = await clinic.rows(SOMEWHERE.replace("%(name)s", "%s"), *[name] * 4)
    await clinic.rows(
        "UPDATE patients SET full_name = %s WHERE id = %s RETURNING id", name, patient
    )
    day = str(place["starts_at"].date())
    free = [each["dateTime"] for each in await clinic.day(place["doctor_id"], day)][:3]
    held, booked = [
        await clinic.hold(Slot(place["doctor_id"], at), patient=patient) for at in free[:2]
    ]
    await clinic.confirm(booked)

    too_wide = list[str]()
    for path in pages({**place, "name": name}, patient, held, booked, free[2]):
        for person in (narrow, large):
            await person.open(path)
            if person is large:
                await person.page.evaluate(TWICE)
            wide = await person.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if wide > 0:
                too_wide.append(f"{path} in {person.page.viewport_size}: {wide} px")
        narrow.complaints.clear()  # the page of nothing is a 404, which Chromium logs itself
        large.complaints.clear()

    assert too_wide == []
