"""The desks' pages as they come from the server: rows of times, and what is told of a visit."""

import re
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clinic_rows import DAY, Clinic, at


@pytest.fixture
def root(api: str) -> str:
    return api.removesuffix("/api/v1")


async def shown(url: str) -> str:
    async with httpx.AsyncClient(headers={"accept": "text/html"}) as http:
        answer = await http.get(url)
    assert answer.status_code == 200, url
    return answer.text.replace("&amp;", "&")


async def named_patient(clinic: Clinic) -> UUID:
    patient_id = uuid4()
    await clinic.execute(
        "INSERT INTO patients (id, full_name, phone, email) VALUES (:id, 'Ada Byron', '+7', :mail)",
        id=patient_id,
        mail=f"{patient_id.hex}@example.org",
    )
    return patient_id


async def test_times_of_several_doctors_stand_in_rows(clinic: Clinic, root: str) -> None:
    other = await clinic.hire()
    await clinic.on_duty(at("10:00"), at("11:00"), doctor_id=other)
    patient = await named_patient(clinic)
    booked = await clinic.hold(at("10:00"), patient_id=patient)

    page = await shown(f"{root}/reception?clinic={clinic.id}&date={DAY}&patient={patient}")

    rows = re.findall(r'<th scope="row"><time class="figures"[^>]*>([0-9:]+)', page)
    assert rows == ["09:00", "09:30", "10:00", "10:30"]
    assert f'href="/reception/visits/{booked}"' in page
    assert f'formaction="/reception/book/{other}"' in page


async def test_a_reference_leads_to_its_appointment_and_tells_what_to_read_out(
    clinic: Clinic, root: str
) -> None:
    patient = await named_patient(clinic)
    booked = await clinic.hold(at("10:00"), patient_id=patient)
    await clinic.becomes(booked, "confirmed")

    found = await shown(f"{root}/reception?q={str(booked)[:8].upper()}")
    page = await shown(f"{root}/reception/visits/{booked}?note=changed")
    told = await shown(f"{root}/reception?clinic={clinic.id}&note=booked&about={booked}")

    assert f'href="/reception/visits/{booked}"' in found
    code = str(booked)[:8].upper()
    assert "Ada Byron" in page
    assert f"Your booking reference is {code[:4]} {code[4:]}." in page
    assert "was changed elsewhere" in page
    assert "Booked: Ada Byron" in told
    assert "Undo: it was a mistake" in told


async def test_an_appointment_that_is_not_there_has_no_page(root: str) -> None:
    async with httpx.AsyncClient(headers={"accept": "text/html"}) as http:
        answer = await http.get(f"{root}/reception/visits/{uuid4()}")

    assert answer.status_code == 404


async def test_the_desk_remembers_its_clinic(clinic: Clinic, root: str) -> None:
    async with httpx.AsyncClient(base_url=root, headers={"accept": "text/html"}) as http:
        await http.get(f"/reception?clinic={clinic.id}")
        again = (await http.get("/reception")).text

    assert f'<option value="{clinic.id}" selected>' in again


async def test_a_doctors_day_follows_one_stream(clinic: Clinic, root: str) -> None:
    page = await shown(f"{root}/doctor/{clinic.doctor_id}?date={DAY}")

    assert f"/doctor/{clinic.doctor_id}/stream?date={DAY}" in page
    assert "notifications/stream" not in page
