"""The tasks of reception and managers by keyboard alone, each with its number of keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from playwright.async_api import expect

from tests.acceptance.conftest import Slot
from tests.browser.conftest import Arrival, FrontClinic, Person
from tests.browser.keys import KEYS, Keys
from tests.browser.test_reception import named_like_nobody

OWN = """
WITH place AS (
    INSERT INTO clinics (id, name, address, time_zone, phone)
    VALUES (gen_random_uuid(), %s, 'Street 1', 'Europe/London', '+442079460018') RETURNING id
), doctor AS (
    INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id)
    SELECT gen_random_uuid(), gen_random_uuid(), 'Dr Ada Morrow', 'surgery', id FROM place
    RETURNING id, clinic_id
)
INSERT INTO shifts (doctor_id, clinic_id, during)
SELECT id, clinic_id, tstzrange(at, at + interval '4 hours')
FROM doctor, LATERAL (
    SELECT (date_trunc('day', now() AT TIME ZONE 'Europe/London') + interval '3 days 9 hours')
        AT TIME ZONE 'Europe/London' AS at
) nine RETURNING doctor_id::text AS doctor, clinic_id::text AS clinic
"""
OVER = """
WITH behind AS (
    INSERT INTO shifts (doctor_id, clinic_id, during)
    SELECT id, clinic_id, tstzrange(now() - interval '9 hours', now() - interval '3 hours')
    FROM doctors WHERE id = %s RETURNING doctor_id
)
INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status, confirmed_at)
SELECT gen_random_uuid(), %s, doctor_id, at, at + interval '30 minutes', 'confirmed', now()
FROM behind, generate_series(now() - interval '8 hours', now() - interval '7 hours', '1 hour') at
RETURNING id
"""
WITHOUT_CONTACT = """
INSERT INTO patients (id, full_name) VALUES (gen_random_uuid(), 'Nemo Quillfeather')
RETURNING id::text AS id
"""


@dataclass(frozen=True, kw_only=True)
class Own:
    """A clinic of the test alone: its doctor receives from nine to one, in three days."""

    clinic: FrontClinic
    name: str
    id: str
    doctor: str
    free: list[str]

    @property
    def date(self) -> str:
        return self.free[0][:10]

    async def booked(self, nth: int = 0, patient: str | None = None) -> str:
        visit = await self.clinic.hold(Slot(self.doctor, self.free[nth]), patient=patient)
        await self.clinic.confirm(visit)
        return visit

    async def standing(self, visit: str) -> str:
        return str((await self.clinic.get(visit))["dateTime"])

    async def closed(self, nth: int) -> str:
        """Whoever has booked this slot is offered another one, or called: by which campaign."""
        begins = datetime.fromisoformat(self.free[nth])
        [row] = await self.clinic.rows(
            "SELECT %s::timestamptz AT TIME ZONE 'Europe/London' AS wall", begins.isoformat()
        )
        wall, path = row["wall"], f"/api/v1/doctors/{self.doctor}/exceptions"
        leave = {
            "kind": "remove",
            "from": f"{wall:%Y-%m-%dT%H:%M}",
            "until": f"{wall + timedelta(minutes=30):%Y-%m-%dT%H:%M}",
            "reason": "illness",
        }
        seen = await self.clinic.http.post(path, json=leave, params={"dryRun": "true"})
        made = await self.clinic.http.post(path, json=leave | {"digest": seen.json()["digest"]})
        assert made.status_code == 202, made.text
        return str(made.json()["campaignId"])


async def own(clinic: FrontClinic) -> Own:
    name = f"Clinic {uuid4().hex[:8]}"
    [row] = await clinic.rows(OWN, name)
    doctor: dict[str, Any] = (await clinic.http.get(f"/api/v1/doctors/{row['doctor']}")).json()
    day = await clinic.day(row["doctor"], doctor["nextFree"][:10])
    free = [each["dateTime"] for each in day]
    return Own(clinic=clinic, name=name, id=row["clinic"], doctor=row["doctor"], free=free)


@asynccontextmanager
async def ruled(place: Own, **rules: str) -> AsyncIterator[None]:
    """None is left behind: other tests book at whichever clinic is free first."""
    path = f"/api/v1/clinics/{place.id}/rules"
    try:
        assert (await place.clinic.http.put(path, json=rules | {"reminders": []})).is_success
        yield
    finally:
        await place.clinic.http.put(path, json={"reminders": []})


async def at_a_visit(desk: Person, visit: str) -> Keys:
    """Two keys: found by its reference, and opened."""
    await desk.open("/reception")
    await expect(desk.page.locator("#q")).to_be_focused()
    keys = Keys(desk.page)
    await keys.type(visit[:8].upper())
    await keys.press("Enter")
    await expect(desk.page.locator(".matches a").first).to_be_focused()
    await keys.press("Enter")
    await expect(desk.page.get_by_text("To read out:")).to_be_visible()
    await expect(desk.page.locator("h1")).to_be_focused()
    return keys


async def at_the_day(desk: Person, place: Own) -> Keys:
    await desk.open(f"/reception?clinic={place.id}&date={place.date}")
    await expect(desk.page.locator("#q")).to_be_focused()
    return Keys(desk.page)


async def with_a_patient(desk: Person, place: Own, name: str) -> Keys:
    """Two keys: found by the name, and chosen."""
    keys = await at_the_day(desk, place)
    await keys.type(name)
    await keys.press("Enter")
    await expect(desk.page.locator(".matches a").first).to_be_focused()
    await keys.press("Enter")
    await expect(desk.page.locator("#when-title")).to_be_focused()
    return keys


async def at_a_clinic(manager: Person, place: Own) -> Keys:
    await manager.open("/manage")
    await manager.click(place.name, role="link")
    await expect(manager.heading(place.name)).to_be_focused()
    return Keys(manager.page)


async def to_a_free_time(desk: Person, keys: Keys) -> None:
    await expect(desk.page.locator("#week-title")).to_be_focused()
    await keys.press("ArrowDown")
    await expect(desk.page.locator("button.slot:focus")).to_have_count(1)
    await keys.press("Enter")


async def test_an_appointment_is_moved_by_keyboard_and_against_a_rule_with_a_reason(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    desk, place = await arrives(locale="en-GB"), await own(clinic)
    visit = await place.booked()

    keys = await at_a_visit(desk, visit)
    await keys.press("Tab", "Tab", "Tab", "Tab", "Enter")
    await to_a_free_time(desk, keys)
    await expect(
        desk.page.locator("#main").get_by_text("The appointment is moved.")
    ).to_be_visible()
    assert keys.pressed == KEYS["move an appointment"]

    async with ruled(place, horizon="P1D"):
        keys = await at_a_visit(desk, visit)
        await keys.press("Tab", "Tab", "Tab", "Tab", "Enter")
        await to_a_free_time(desk, keys)
        await expect(desk.page.locator("#note-title")).to_be_focused()
        await keys.press("Tab", "Tab", "Enter")
        await expect(
            desk.page.locator("#main").get_by_text("The appointment is moved.")
        ).to_be_visible()

    assert keys.pressed == KEYS["move it against a rule of the clinic"]
    assert (await clinic.get(visit))["moves"] == 2


async def test_two_appointments_are_exchanged_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    desk, place = await arrives(locale="en-GB"), await own(clinic)
    first, second = await place.booked(0), await place.booked(1)

    keys = await at_a_visit(desk, first)
    await keys.press("Tab", "Tab", "Tab", "Tab", "Tab", "Enter")
    await expect(desk.page.locator("#q")).to_be_focused()
    await keys.type(second[:8].upper())
    await keys.press("Enter")
    await expect(desk.page.get_by_role("button", name="Exchange these two")).to_be_focused()
    await keys.press("Enter")

    await expect(
        desk.page.locator("#main").get_by_text("Both appointments are moved")
    ).to_be_visible()
    assert keys.pressed == KEYS["exchange two appointments"]
    assert await place.standing(first) == place.free[1]


async def test_a_caller_is_booked_on_top_of_an_appointment_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    desk, place, patient = await arrives(locale="en-GB"), await own(clinic), clinic.patient()
    name = await named_like_nobody(clinic, patient)
    await place.booked(1)

    keys = await with_a_patient(desk, place, name)
    await keys.press("ArrowDown", "ArrowDown", "Enter")
    await expect(desk.page.get_by_role("button", name="on top")).to_be_focused()
    await desk.audit("desk-on-top-en")
    await keys.press("Enter")

    await expect(desk.page.get_by_role("group")).to_contain_text(f"Booked: {name}")
    assert keys.pressed == KEYS["book on top of an appointment"]
    [row] = await clinic.rows("SELECT overbook FROM schedules WHERE patient_id = %s", patient)
    assert row["overbook"]


async def test_the_evening_s_appointments_are_marked_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    desk, place = await arrives(locale="en-GB"), await own(clinic)
    over = await clinic.rows(OVER, place.doctor, clinic.patient())

    keys = await at_the_day(desk, place)
    await keys.press("Shift+Tab", "Shift+Tab", "Shift+Tab")
    await desk.focus_is_on("Not marked yet")
    await keys.press("Enter")
    seen = desk.page.get_by_role("button", name="Seen")
    await expect(seen.first).to_be_focused()
    await keys.press("Enter")
    await expect(seen).to_have_count(1)
    assert keys.pressed == KEYS["mark the evening's appointments that nobody has marked"]

    await expect(seen).to_be_focused()
    await keys.press("Tab", "Enter")
    await expect(desk.page.get_by_text("All appointments are marked")).to_be_visible()
    marks = await clinic.rows(
        "SELECT status FROM schedules WHERE id = ANY(%s) ORDER BY starts_at",
        [each["id"] for each in over],
    )
    assert [each["status"] for each in marks] == ["completed", "no_show"]


async def test_a_record_is_made_for_a_caller_and_changed_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    desk, place = await arrives(locale="en-GB"), await own(clinic)
    digits = uuid4().int % 10**7

    keys = await at_the_day(desk, place)
    await keys.type(
        f"Zebedee Nobodyknows{digits}".translate(str.maketrans("0123456789", "abcdefghij"))
    )
    await keys.press("Enter")
    await desk.focus_is_on("New patient")
    await keys.press("Enter")
    await desk.sees("New patient")
    await expect(desk.page.locator("h1")).to_be_focused()
    await keys.press("Tab", "Tab")
    await keys.type(f"+7911{digits:07}")
    await keys.press("Enter")
    await expect(desk.page.locator("#when-title")).to_be_focused()
    assert keys.pressed == KEYS["make a record for a caller who has none, and go on to the times"]

    keys = Keys(desk.page)
    await keys.press("Shift+Tab", "Enter")
    await expect(desk.page.locator("#fullName")).to_be_visible()
    await expect(desk.page.locator("h1")).to_be_focused()
    await keys.press("Tab")
    await keys.type("Zebedee Renamed")
    await keys.press("Enter")

    await desk.focus_is_on("Saved.")
    await desk.sees("Zebedee Renamed")
    assert keys.pressed == KEYS["change a record, its messages, who else may act"]


async def test_an_hour_is_closed_from_the_desk_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    desk, place = await arrives(locale="en-GB"), await own(clinic)

    keys = await at_the_day(desk, place)
    await keys.press("Shift+Tab")
    await desk.focus_is_on("Close hours of a doctor")
    await keys.press("Enter")
    await expect(desk.page.locator("#hours-doctorId")).to_be_focused()
    await keys.on_to("#hours-from")
    await keys.fill("09:00")
    await keys.on_to("#hours-until")
    await keys.fill("10:00")
    await keys.press("Enter")
    await expect(desk.heading("Check before you save")).to_be_focused()
    await desk.audit("desk-hours-en")
    await keys.on_to('button[name="digest"]')
    await keys.press("Enter")

    await expect(desk.page.get_by_role("group")).to_contain_text("The time is closed.")
    assert keys.pressed == KEYS["close an hour of a doctor"]
    left = [each["dateTime"] for each in await clinic.day(place.doctor, place.date)]
    assert left == place.free[2:]


async def test_who_is_on_the_call_list_is_moved_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    desk, place = await arrives(locale="en-GB"), await own(clinic)
    [nemo] = await clinic.rows(WITHOUT_CONTACT)
    visit = await place.booked(3, patient=nemo["id"])
    await place.closed(3)

    keys = await at_the_day(desk, place)
    await keys.press("Shift+Tab", "Shift+Tab")
    await desk.focus_is_on("Call list")
    await keys.press("Enter")
    await expect(desk.page.get_by_role("link", name="Move to another time")).to_be_focused()
    await desk.audit("desk-calls-en")
    await keys.press("Enter")
    await to_a_free_time(desk, keys)

    await expect(
        desk.page.locator("#main").get_by_text("The appointment is moved.")
    ).to_be_visible()
    assert keys.pressed == KEYS["call whom no message reaches, and move the appointment"]
    assert await place.standing(visit) == place.free[0]
    await desk.open(f"/reception/calls?clinic={place.id}")
    await expect(desk.page.get_by_text("Nobody is to be called")).to_be_visible()


async def test_hours_are_changed_and_a_leave_is_taken_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    manager, place = await arrives(locale="en-GB"), await own(clinic)

    keys = await at_a_clinic(manager, place)
    await manager.click("Dr Ada Morrow", role="link")
    await expect(manager.heading("Dr Ada Morrow")).to_be_focused()
    await keys.on_to(f'a[href="/manage/doctors/{place.doctor}/plan"]')
    await keys.press("Enter")
    await expect(manager.heading("Hours: Dr Ada Morrow")).to_be_focused()
    await keys.on_to('input[name="from"]')
    await keys.fill("08:30")
    await keys.press("Enter")
    await expect(manager.page.locator("#bookable")).to_contain_text("Patients can book.")
    assert keys.pressed == KEYS["change a doctor's hours"]

    keys = await at_a_clinic(manager, place)
    await keys.press("Tab", "Enter")
    await expect(manager.heading("Leave and holidays")).to_be_focused()
    await keys.on_to("#exception-doctorId")
    await keys.type("Dr")
    await keys.on_to("#exception-from")
    await keys.fill(f"{place.date}T00:00")
    await keys.on_to("#exception-until")
    await keys.fill(f"{place.date}T23:00")
    await keys.press("Enter")
    await expect(manager.heading("Check before you save")).to_be_focused()
    await manager.audit("manage-exception-preview-en")
    await keys.on_to('button[name="digest"]')
    await keys.press("Enter")

    await manager.focus_is_on("Saved. Nobody had an appointment in this time.")
    assert keys.pressed == KEYS["close a day for leave or illness"]
    assert await clinic.day(place.doctor, place.date) == []


async def test_a_public_holiday_is_taken_and_rules_are_changed_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    manager, place = await arrives(locale="en-GB"), await own(clinic)

    await at_a_clinic(manager, place)
    await manager.click("Leave and holidays", role="link")
    await expect(manager.heading("Leave and holidays")).to_be_focused()
    keys = Keys(manager.page)
    await keys.press("Tab")
    await manager.focus_is_on("Public holidays")
    await keys.press("Enter")
    await expect(manager.heading("Public holidays")).to_be_focused()
    await keys.press("Tab", "Enter")
    await expect(manager.heading("Check before you save")).to_be_focused()
    await keys.on_to('button[name="digest"]')
    await keys.press("Enter")
    await manager.focus_is_on("Saved. Nobody had an appointment in this time.")
    assert keys.pressed == KEYS["take a public holiday"]

    async with ruled(place):
        keys = await at_a_clinic(manager, place)
        await keys.press("Tab", "Tab", "Enter")
        await expect(manager.heading("Rules for patients")).to_be_focused()
        await keys.press("Tab")
        await keys.type("2 h")
        await keys.on_to("#rules-maxMoves")
        await keys.fill("2")
        await keys.press("Enter")
        await manager.focus_is_on("Saved.")
        assert keys.pressed == KEYS["change the rules for patients"]
        rules = (await clinic.http.get(f"/api/v1/clinics/{place.id}/rules")).json()
    assert (rules["bookNotice"], rules["maxMoves"]) == ("PT2H", 2)


async def test_a_file_is_tried_and_imported_by_keyboard(
    arrives: Arrival, clinic: FrontClinic
) -> None:
    """The browser's own dialog of files is counted as one key."""
    manager, place = await arrives(locale="en-GB"), await own(clinic)
    head = "external_id,doctor,starts_at,ends_at,patient_name,patient_phone,patient_email,status"
    row = f"1,Dr Ada Morrow,{place.date}T09:00,{place.date}T09:30,Ada Import {place.id},,,"
    wrong = f"2,Dr Nobody,{place.date}T09:30,{place.date}T10:00,Ada,,,"
    content = f"{head}\n{row}\n{wrong}".encode()

    async def choose(keys: Keys) -> None:
        await keys.on_to("#file")
        keys.pressed += 1
        await manager.page.locator("#file").set_input_files(
            {"name": "visits.csv", "mimeType": "text/csv", "buffer": content}
        )

    keys = await at_a_clinic(manager, place)
    await keys.on_to(f'a[href="/manage/clinics/{place.id}/import"]')
    await keys.press("Enter")
    await expect(manager.heading("Import appointments")).to_be_focused()
    await choose(keys)
    await keys.on_to("button.main")
    await keys.press("Enter")
    await expect(manager.heading("Trial of a file")).to_be_focused()
    await expect(manager.page.get_by_text("no doctor of this clinic")).to_be_visible()
    await expect(manager.heading("Trial of a file")).to_be_focused()
    await manager.audit("manage-import-en")
    await choose(keys)
    await keys.on_to("button.main")
    await keys.press("Enter")

    await expect(manager.heading("Import")).to_be_focused()
    await expect(manager.page.get_by_text("read to the end")).to_be_visible()
    assert keys.pressed == KEYS["try a file of the old system, and import it"]
    [booked] = await clinic.rows(
        "SELECT s.status FROM schedules s WHERE s.clinic_id = %s AND s.origin = 'import'", place.id
    )
    assert booked["status"] == "confirmed"
