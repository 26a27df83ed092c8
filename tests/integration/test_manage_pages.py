"""The managers' pages as they come from the server: a clinic is set up by forms alone."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.postgres.database import Database
from api.sign_in.sessions import COOKIE
from tests.clinic_rows import DAY, Clinic, at, open_clinic
from tests.fakes.issuer import FakeIssuer
from tests.integration.manager import Manager, values


def a_clinic(name: str) -> dict[str, str]:
    return {"name": name, "address": "Street 1", "timeZone": "Asia/Kathmandu", "phone": ""}


async def test_a_clinic_is_set_up_by_forms_until_somebody_can_book(manager: Manager) -> None:
    name = f"Clinic {uuid4().hex[:8]}"

    clinic = await manager.sends("/manage/clinics", a_clinic(name))
    place = clinic.partition("?")[0]
    asked = await manager.sees(clinic)
    await manager.sends(
        f"{place}/services",
        {"name": "Long visit", "specialty": "surgeon", "minutes": "60", "selfBookable": "false"},
    )
    with_service = await manager.sees(place)
    [service] = re.findall(r"/manage/services/([0-9a-f-]{36})", with_service)
    hours = await manager.sends(
        f"{place}/doctors",
        {
            "fullName": "Dr  Anna Serova",
            "specialty": "cardiologist",
            "slotMinutes": "20",
            "serviceIds": service,
        },
    )
    form = await manager.sees(hours)
    every_day = {
        "weekday": [str(each) for each in range(1, 8)],
        "from": ["00:00"] * 7,
        "until": ["00:00"] * 7,
        "everyWeeks": ["1"] * 7,
    }
    dates = {"effectiveFrom": values(form, "effectiveFrom")[0], "version": "0"}
    doctor = await manager.sends(hours.partition("?")[0], every_day | dates)
    ready = await manager.sees(doctor)

    assert f"<h1>{name}</h1>" in asked
    assert '<details class="card narrow" open>' in asked
    assert "booked by reception only" in with_service
    assert values(form, "from")[:2] == ["09:00", ""]
    assert "Patients can book. Next available:" in ready
    assert "Cardiologist" in ready
    assert ready.count("00:00\N{EN DASH}24:00") == 7
    answer = await manager.http.get(f"/api/v1{doctor.removeprefix('/manage').partition('?')[0]}")
    assert answer.json()["serviceIds"] == [service]
    assert answer.json()["specialty"] == "cardiology"


async def test_what_is_wrong_is_said_beside_the_field_and_the_rest_is_kept(
    manager: Manager, clinic: Clinic
) -> None:
    place = f"/manage/clinics/{clinic.id}"
    nowhere = a_clinic("Somewhere") | {"timeZone": "Nowhere/Land", "address": ""}

    made = await manager.sends("/manage/clinics", nowhere, 422)
    changed = await manager.sends(place, {"name": " ", "version": "1"}, 422)
    doctor = await manager.sends(f"{place}/doctors", {"fullName": "Dr A", "slotMinutes": "4"}, 422)
    service = await manager.sends(f"{place}/services", {"name": "First", "minutes": "x"}, 422)

    assert "Choose a time zone from the list." in made
    assert "Fill this in." in made
    assert values(made, "name") == ["Somewhere"]
    assert 'id="details-name-fault"' in changed
    assert values(doctor, "fullName") == ["Dr A"]
    assert 'id="doctor-specialty-fault"' in doctor
    assert "Check what you have entered here." in doctor
    assert "Enter a whole number." in service
    for page in (made, changed, doctor, service):
        assert "Nothing was saved. Correct the fields that are marked." in page


async def test_details_are_changed_by_the_version_that_was_seen(
    manager: Manager, clinic: Clinic
) -> None:
    place, doctor = f"/manage/clinics/{clinic.id}", f"/manage/doctors/{clinic.doctor_id}"
    await manager.sends(
        f"{place}/services", {"name": "First", "specialty": "surgeon", "minutes": "30"}
    )
    [service] = re.findall(r"/manage/services/[0-9a-f-]{36}", await manager.sees(place))
    details = a_clinic("Renamed") | {"timeZone": "Europe/Moscow", "version": "1"}
    person = {"fullName": "Dr Renamed", "specialty": "surgeon", "slotMinutes": "15", "version": "1"}
    longer = {"name": "Longer", "specialty": "surgeon", "minutes": "45", "version": "1"}

    told = [await manager.sends(place, details) for _ in range(2)]
    told += [await manager.sends(doctor, person) for _ in range(2)]
    told += [await manager.sends(service, longer) for _ in range(2)]
    wrong = [
        await manager.sends(doctor, {"fullName": "", "version": "2"}, 422),
        await manager.sends(service, {"minutes": "1", "version": "2"}, 422),
    ]

    assert [each.partition("note=")[2] for each in told] == ["saved", "changed"] * 3
    assert "Somebody has changed this meanwhile." in await manager.sees(told[1])
    assert "Dr Renamed" in await manager.sees(told[3])
    assert values(await manager.sees(told[5]), "minutes") == ["45"]
    assert ["Nothing was saved" in each for each in wrong] == [True, True]


async def test_hours_that_leave_appointments_out_are_shown_before_they_are_saved(
    manager: Manager, clinic: Clinic
) -> None:
    await manager.sends(f"/manage/doctors/{clinic.doctor_id}/plan", plan(["09:00"], ["11:00"]))
    booked = await clinic.book(at("10:30"))
    shorter = plan(["09:00"], ["10:00"], version="1")
    path = f"/manage/doctors/{clinic.doctor_id}/plan"

    preview = await manager.sends(path, shorter, 200)
    [digest] = values(preview, "digest")
    await clinic.book(at("10:00"))
    another = await manager.sends(path, shorter | {"digest": digest}, 200)
    [true] = values(another, "digest")
    saved = await manager.sends(path, shorter | {"digest": true})
    stale = await manager.sends(path, plan(["09:00"], ["12:00"], version="1"))
    gone = await manager.sends(path, plan(["09:00"], ["12:00"], version="1") | {"digest": "x"})

    assert f"/reception/visits/{booked}" in preview
    assert values(preview, "until") == ["10:00"]
    assert "Appointments have changed since you looked." in another
    assert saved.endswith("?note=asked")
    assert "are offered other times" in await manager.sees(saved)
    assert stale.endswith("/plan?note=changed")
    assert gone == stale


def plan(begins: list[str], ends: list[str], *, version: str = "0") -> dict[str, Any]:
    """Hours of the weekday of `DAY`, from it on."""
    return {
        "weekday": [str(DAY.isoweekday())] * len(begins),
        "from": begins,
        "until": ends,
        "everyWeeks": ["1"] * len(begins),
        "effectiveFrom": str(DAY),
        "effectiveUntil": "",
        "version": version,
    }


async def test_each_fault_of_a_week_stands_at_its_line(manager: Manager, clinic: Clinic) -> None:
    path = f"/manage/doctors/{clinic.doctor_id}/plan"

    late = await manager.sends(path, plan(["", "14:00"], ["", "13:00"]), 422)
    both = await manager.sends(path, plan(["09:00", "10:00"], ["12:00", "13:00"]), 422)
    dates = await manager.sends(path, plan([], []) | {"effectiveUntil": "2029-01-01"}, 422)
    none = await manager.sends(path, plan([], []) | {"effectiveFrom": ""}, 422)

    assert "The end must be after the beginning." in late
    assert values(late, "from")[0] == "14:00"
    assert "The hours of one day must not overlap." in both
    assert "The last day must not be before the first." in dates
    assert "Enter a date." in none


async def test_a_week_is_read_and_copied_to_another_doctor(
    manager: Manager, clinic: Clinic
) -> None:
    other = await clinic.hire()
    twice = plan(["14:00", "09:00"], ["18:00", "13:00"]) | {"everyWeeks": ["2", "1"]}
    until = str(DAY + timedelta(days=30))
    await manager.sends(
        f"/manage/doctors/{clinic.doctor_id}/plan", twice | {"effectiveUntil": until}
    )

    week = await manager.sees(f"/manage/doctors/{clinic.doctor_id}")
    copied = await manager.sees(f"/manage/doctors/{other}/plan?like={clinic.doctor_id}")
    own = await manager.sees(f"/manage/doctors/{clinic.doctor_id}/plan")

    assert "09:00\N{EN DASH}13:00" in week
    assert "(every 2 weeks)" in week
    assert f"until February {(DAY + timedelta(days=30)).day}, 2030" in week
    assert [each for each in values(copied, "from") if each] == ["14:00", "09:00"]
    assert values(copied, "version") == ["0"]
    assert values(own, "version") == ["1"]
    assert values(own, "effectiveUntil") == [until]


async def test_lists_that_are_cut_lead_on(manager: Manager, clinic: Clinic) -> None:
    await clinic.execute(
        "INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id)"
        " SELECT gen_random_uuid(), gen_random_uuid(), 'Dr Kim', 'surgeon', :clinic"
        " FROM generate_series(1, 60)",
        clinic=clinic.id,
    )
    await clinic.execute(
        "INSERT INTO services (id, clinic_id, specialty, name, minutes)"
        " SELECT gen_random_uuid(), :clinic, 'surgeon', 'Visit ' || n, 30"
        " FROM generate_series(1, 80) n",
        clinic=clinic.id,
    )

    first = await manager.sees(f"/manage/clinics/{clinic.id}")
    [doctors] = re.findall(r'href="([^"]*\?doctors=[^"]*)"', first)
    [services] = re.findall(r'href="([^"]*\?services=[^"]*)"', first)
    shown = [await manager.sees(each) for each in (doctors, services)]

    assert len(set(re.findall(r"/manage/doctors/([0-9a-f-]{36})", first + shown[0]))) == 61
    assert len(set(re.findall(r"/manage/services/([0-9a-f-]{36})", first + shown[1]))) == 80


async def test_what_a_doctor_offers_beyond_the_list_stays_offered(
    manager: Manager, clinic: Clinic
) -> None:
    await clinic.execute(
        "INSERT INTO services (id, clinic_id, specialty, name, minutes)"
        " SELECT gen_random_uuid(), :clinic, 'surgeon', 'Visit ' || n, 30"
        " FROM generate_series(1, 151) n",
        clinic=clinic.id,
    )
    await clinic.execute(
        "INSERT INTO doctor_services (doctor_id, service_id)"
        " SELECT :doctor, id FROM services WHERE clinic_id = :clinic",
        clinic=clinic.id,
        doctor=clinic.doctor_id,
    )

    page = await manager.sees(f"/manage/doctors/{clinic.doctor_id}")

    assert len(values(page, "serviceIds")) == 151


async def test_what_is_not_there_has_no_page(manager: Manager) -> None:
    nobody = uuid4()

    for path in (f"clinics/{nobody}", f"doctors/{nobody}", f"services/{nobody}"):
        assert "Page not found" in await manager.sees(f"/manage/{path}", 404)


@dataclass(frozen=True)
class Doors:
    """The pages to people who sign in."""

    http: httpx.AsyncClient
    issuer: FakeIssuer

    async def asked(self, path: str, role: str, clinic: UUID) -> httpx.Response:
        token = self.issuer.token("e1", sub=str(uuid4()), roles=[role], clinic_ids=[str(clinic)])
        return await self.http.get(path, headers={"authorization": f"Bearer {token}"})


@pytest.fixture
async def doors(signed_in_api: str, issuer: FakeIssuer) -> AsyncIterator[Doors]:
    root = signed_in_api.removesuffix("/api/v1")
    async with httpx.AsyncClient(base_url=root, cookies={COOKIE: "x"}, timeout=20) as http:
        yield Doors(http, issuer)


async def test_a_manager_sees_the_clinics_of_their_own_alone(
    doors: Doors, clinic_database: Database
) -> None:
    own, other = [await open_clinic(clinic_database) for _ in range(2)]

    mine = await doors.asked("/manage", "manager", own.id)
    foreign = [
        (await doors.asked(path, "manager", own.id)).status_code
        for path in (f"/manage/clinics/{other.id}", f"/manage/doctors/{other.doctor_id}/plan")
    ]

    assert f"/manage/clinics/{own.id}" in mine.text
    assert f"/manage/clinics/{other.id}" not in mine.text
    assert foreign == [403, 403]


async def test_the_way_to_the_managers_pages_is_shown_to_who_may_go_it(
    doors: Doors, clinic: Clinic, manager: Manager
) -> None:
    shown = {
        role: 'href="/manage"' in (await doors.asked(f"/?clinic={clinic.id}", role, clinic.id)).text
        for role in ("manager", "patient", "operations")
    }

    assert shown == {"manager": True, "patient": False, "operations": False}
    assert 'href="/manage"' in await manager.sees(f"/?clinic={clinic.id}")
