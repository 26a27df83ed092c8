"""Every page with the longest names, in the narrowest window and in large text: for everybody."""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page, Route, ViewportSize

from adapters.messages.visit import Language
from api.page.patient_record import FIELDS, Typed
from api.page.rendering import page
from api.page.visitor import PageSignInState, Visitor
from tests.acceptance.conftest import Clinic, Slot, eventually
from tests.browser.conftest import TELEPHONE, Arrival
from tests.pages import all_pages

PHONE = ViewportSize(width=390, height=844)
TWICE = "document.documentElement.style.fontSize = '200%'"
NAMES = {
    "no blank": "Donaudampfschifffahrtsgesellschaftskapitänswitwenundwaisenkasse",
    "right to left": "פרופסורמומחהלרפואתעורילדיםומבוגריםבמרכזהרפואיהגדולשלירושליםוהסביבה",
}
SOMEWHERE = """
WITH place AS (
    INSERT INTO clinics (id, name, address, time_zone, phone)
    VALUES (gen_random_uuid(), %s, %s, 'UTC', '+442079460018') RETURNING id
), service AS (
    INSERT INTO services (id, clinic_id, specialty, name, minutes)
    SELECT gen_random_uuid(), id, 'surgery', %s, 30 FROM place RETURNING id
), other AS (
    INSERT INTO patients (id, full_name) VALUES (gen_random_uuid(), %s) RETURNING id
), doctor AS (
    INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id)
    SELECT gen_random_uuid(), gen_random_uuid(), %s, %s, id FROM place
    RETURNING id, clinic_id
)
INSERT INTO shifts (doctor_id, clinic_id, during)
SELECT id, clinic_id, tstzrange(at, at + interval '3 hours')
FROM doctor, CAST(date_trunc('day', now(), 'UTC') + interval '2 days 9 hours' AS timestamptz) at
RETURNING doctor_id::text AS doctor, clinic_id::text AS clinic, lower(during) AS starts_at,
    (SELECT id::text FROM service) AS service, (SELECT id::text FROM other) AS other
"""
COLUMNS = "external_id,doctor,starts_at,ends_at,patient_name,patient_phone,patient_email,status"


async def somewhere(clinic: Clinic, name: str, patient: str) -> dict[str, Any]:
    """A clinic where everything has the name, with something for each page to show."""
    [place] = await clinic.rows(SOMEWHERE, *[name] * 6)
    await clinic.rows(
        "UPDATE patients SET full_name = %s WHERE id = %s RETURNING id", name, patient
    )
    day = str(place["starts_at"].date())
    free = [each["dateTime"] for each in await clinic.day(place["doctor"], day)]
    held, booked = [
        await clinic.hold(Slot(place["doctor"], at), patient=patient) for at in free[:2]
    ]
    called = await clinic.hold(Slot(place["doctor"], free[3]), patient=place["other"])
    for each in (booked, called):
        await clinic.confirm(each)
    return {
        **place,
        "name": name[:12],
        "day": day,
        "patient": patient,
        "held": held,
        "booked": booked,
        "free": free[2],
        "nothing": uuid4(),
        "campaign": await campaign(clinic, place["doctor"], datetime.fromisoformat(free[3])),
        "imported": await imported(clinic, place["clinic"], name, free[1]),
        "token": await token(clinic, booked),
    }


async def campaign(clinic: Clinic, doctor: str, begins: datetime) -> str:
    """Of whoever has booked at this time, by the clock of UTC."""
    leave = {
        "kind": "remove",
        "from": f"{begins:%Y-%m-%dT%H:%M}",
        "until": f"{begins + timedelta(minutes=30):%Y-%m-%dT%H:%M}",
        "reason": "illness",
    }
    path = f"/api/v1/doctors/{doctor}/exceptions"
    seen = (await clinic.http.post(path, json=leave, params={"dryRun": "true"})).json()
    made = await clinic.http.post(path, json=leave | {"digest": seen["digest"]})
    return str(made.json()["campaignId"])


async def imported(clinic: Clinic, place: str, name: str, at: str) -> str:
    """A file with a row on top of a visit, and one that is wrong."""
    ends = f"{datetime.fromisoformat(at) + timedelta(minutes=30):%Y-%m-%dT%H:%M}"
    rows = [f"1,{name},{at[:16]},{ends},{name},,,", f"2,nobody,{at[:16]},{ends},{name},,,"]
    answer = await clinic.http.post(
        "/api/v1/imports",
        params={"clinicId": place},
        content="\n".join([COLUMNS, *rows]).encode(),
        headers={"content-type": "text/csv"},
    )
    path = answer.headers["location"]

    async def done() -> bool:
        return bool((await clinic.http.get(path)).json()["state"] == "done")

    await eventually(done)
    return str(answer.json()["importId"])


async def token(clinic: Clinic, booked: str) -> str:
    """Of the link in the message about a visit."""
    found = list[str]()

    async def told() -> bool:
        for message in await clinic.messages_about(booked):
            found.extend(re.findall(r"/v/([\w-]{40})", message["text"]))
        return bool(found)

    await eventually(told)
    return found[0]


async def show_form_of_a_record(shown: Page, language: Language) -> None:
    """As somebody has it who has signed in: nobody signs in at this clinic."""
    visitor = Visitor(language=language, path="/record", sign_in=PageSignInState.IN)
    typed = Typed(
        values=dict.fromkeys(FIELDS, ""),
        wrong=frozenset({"fullName", "phone", "email", "birthDate"}),
    )
    form = page(visitor, "record.html", here="visits", back="/", typed=typed, is_known=False)

    async def answer(route: Route) -> None:
        await route.fulfill(body=bytes(form.body), content_type="text/html; charset=utf-8")

    await shown.route("**/record", answer)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
async def test_every_page_is_for_everybody_with_the_longest_names(
    name: str, arrives: Arrival, clinic: Clinic
) -> None:
    """No side scroll at 320 px nor in text of twice the size; axe has nothing to say, once."""
    narrow = await arrives(locale="en-GB", window=TELEPHONE, scheme="dark")
    large = await arrives(locale="ru-RU", window=PHONE)
    await large.page.context.add_cookies(
        [{"name": "patient", "value": narrow.patient, "url": large.base}]
    )
    named = await somewhere(clinic, name, narrow.patient)
    await show_form_of_a_record(narrow.page, Language.EN)
    await show_form_of_a_record(large.page, Language.RU)

    faults = list[str]()
    for path in all_pages(**named):
        for person in (narrow, large):
            await person.open(path)
            if person is large:
                await person.page.evaluate(TWICE)
            if (wide := await person.too_wide()) > 0:
                faults.append(f"{path} in {person.page.viewport_size}: {wide} px")
        if name == NAMES["no blank"]:
            faults += [f"{path}: {each}" for each in await narrow.faults_of_access()]
        narrow.complaints.clear()  # the page of nothing is a 404, which Chromium logs itself
        large.complaints.clear()

    assert faults == []
