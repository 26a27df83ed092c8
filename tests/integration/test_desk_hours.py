"""The reception closes hours, and calls whom no message reaches."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clinic_rows import DAY, Clinic, at, open_clinic
from tests.fakes.issuer import FakeIssuer
from tests.integration.manager import Manager, values
from tests.integration.test_exception_pages import booked_by, closed


def an_hour(clinic: Clinic, begins: str = "09:00", until: str = "10:00") -> dict[str, str]:
    return {
        "doctorId": str(clinic.doctor_id),
        "date": str(DAY),
        "from": begins,
        "until": until,
        "reason": "other",
    }


def place(clinic: Clinic) -> str:
    return f"/reception/hours?clinic={clinic.id}"


def previewed(page: str) -> dict[str, str]:
    """What the form of the preview sends."""
    names = ("doctorId", "kind", "from", "until", "reason", "policy", "digest")
    return {name: values(page, name)[-1] for name in names}


async def test_an_hour_is_closed_from_the_desk_after_a_look_at_who_has_booked(
    manager: Manager, clinic: Clinic
) -> None:
    visit = await booked_by(clinic, "09:00")

    form = await manager.sees(f"{place(clinic)}&date={DAY}&doctor={clinic.doctor_id}")
    preview = await manager.sends(place(clinic), an_hour(clinic), 200)
    [back] = re.findall(r'<form method="post" action="(/reception/hours[^"]*)"', preview)
    campaign = await manager.sends(back, previewed(preview))
    day = await manager.sees(f"/api/v1/doctors/{clinic.doctor_id}/schedule?date={DAY}")

    assert f'value="{clinic.doctor_id}" selected' in form
    assert f'name="date" value="{DAY}"' in form
    assert f"/reception/visits/{visit}" in preview
    assert "Monday, 14 January, " in preview
    assert campaign.startswith("/manage/campaigns/")
    assert re.findall(r'"dateTime":"[^"]*T(..:..)', day) == ["06:00", "07:00", "07:30"]


async def test_an_empty_hour_is_closed_and_the_day_says_so(
    manager: Manager, clinic: Clinic
) -> None:
    preview = await manager.sends(place(clinic), an_hour(clinic, "10:00", "11:00"), 200)

    back = await manager.sends(place(clinic), previewed(preview))
    page = await manager.sees(back)

    assert back == f"/reception?clinic={clinic.id}&date={DAY}&note=closed"
    assert "The time is closed." in page
    assert re.findall(r'<th scope="row"><time class="figures"[^>]*>([0-9:]+)', page) == [
        "09:00",
        "09:30",
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"until": ""}, "Fill this in."),
        ({"until": "08:00"}, "The end must be after the beginning."),
        ({"date": "2020-01-14"}, "This time has passed."),
    ],
)
async def test_what_is_wrong_with_an_hour_is_said_at_its_field(
    manager: Manager, clinic: Clinic, wrong: dict[str, str], said: str
) -> None:
    page = await manager.sends(place(clinic), an_hour(clinic) | wrong, 422)

    assert said in page
    assert 'value="09:00"' in page


async def test_the_desk_neither_closes_days_nor_adds_time_nor_closes_a_whole_clinic(
    manager: Manager, clinic: Clinic
) -> None:
    days = {
        "doctorId": str(clinic.doctor_id),
        "kind": "add",
        "from": f"{DAY}T09:00",
        "until": f"{DAY + timedelta(days=1)}T09:00",
        "reason": "other",
    }

    long = await manager.sends(place(clinic), days, 422)
    added = await manager.sends(place(clinic), days | {"until": f"{DAY}T20:00"}, 200)
    of_all = await manager.http.post(place(clinic), data=an_hour(clinic) | {"doctorId": ""})

    assert "The end must be on the same day." in long
    assert "Nobody can book in this time" in added
    assert of_all.status_code == 422


async def test_a_desk_without_doctors_has_no_form(manager: Manager, clinic: Clinic) -> None:
    await clinic.execute("DELETE FROM shifts WHERE doctor_id = :id", id=clinic.doctor_id)
    await clinic.execute("DELETE FROM doctors WHERE id = :id", id=clinic.doctor_id)

    assert "No doctors here" in await manager.sees(place(clinic))


async def asks(
    api: str, issuer: FakeIssuer, role: str, clinic: UUID, form: dict[str, str]
) -> tuple[int, int]:
    """The page, and a doctor's hour."""
    root = api.removesuffix("/api/v1")
    claims: dict[str, Any] = {"clinic_ids": [str(clinic)], "practitioner_id": str(uuid4())}
    token = issuer.token("e1", sub=str(uuid4()), roles=[role], **claims)
    headers = {"authorization": f"Bearer {token}", "origin": root}
    async with httpx.AsyncClient(base_url=root, headers=headers, timeout=20) as http:
        page = await http.get("/reception/hours")
        sent = await http.post("/reception/hours", data=form)
    return page.status_code, sent.status_code


async def test_reception_and_managers_close_hours_of_their_own_clinics_doctors_alone(
    signed_in_api: str, issuer: FakeIssuer, clinic: Clinic
) -> None:
    other = await open_clinic(clinic.database)

    answers = {
        role: (
            await asks(signed_in_api, issuer, role, clinic.id, an_hour(clinic)),
            await asks(signed_in_api, issuer, role, clinic.id, an_hour(other)),
        )
        for role in ("reception", "manager", "doctor", "operations")
    }

    own, nothing = ((200, 200), (200, 403)), ((403, 403), (403, 403))
    assert answers == {
        "reception": own,
        "manager": own,
        "doctor": nothing,
        "operations": nothing,
    }


async def test_the_desk_calls_whom_no_message_reaches_and_leads_to_another_time(
    manager: Manager, clinic: Clinic
) -> None:
    called = await booked_by(clinic, "09:00")
    asked = await booked_by(clinic, "10:00", phone="+7 916 123-45-67")
    await closed(manager, clinic)

    page = await manager.sees(f"/reception/calls?clinic={clinic.id}")
    day = await manager.sees(f"/reception?clinic={clinic.id}")

    assert "Ada Byron" in page
    assert "no phone or email" in page
    assert f'href="/reception/visits/{called}/move"' in page
    assert str(asked) not in page
    assert f'href="/reception/calls?clinic={clinic.id}"' in day


async def test_whom_a_stopped_campaign_has_not_asked_is_called(
    manager: Manager, clinic: Clinic
) -> None:
    asked = await booked_by(clinic, "10:00", phone="+7 916 123-45-67")
    campaign = await closed(manager, clinic)
    await manager.sends(f"{campaign}/stop", {})

    page = await manager.sees(f"/reception/calls?clinic={clinic.id}")

    assert f"/reception/visits/{asked}/move" in page
    assert 'href="tel:+79161234567"' in page


async def test_nobody_is_called_for_time_that_is_open_again(
    manager: Manager, clinic: Clinic
) -> None:
    await booked_by(clinic, "09:00")
    await closed(manager, clinic)
    listed = await manager.sees(f"/manage/clinics/{clinic.id}/exceptions")
    [withdraw] = re.findall(r'action="([^"]*/withdraw)"', listed)
    await manager.sends(withdraw, {"back": "/manage"})

    assert "Nobody is to be called" in await manager.sees(f"/reception/calls?clinic={clinic.id}")


async def test_a_long_list_of_calls_leads_on(manager: Manager, clinic: Clinic) -> None:
    await clinic.on_duty(at("11:00"), at("23:00"))
    for minutes in range(0, 45 * 15, 15):
        await clinic.execute(
            "INSERT INTO patients (id, full_name) VALUES (:id, 'Ada')", id=(key := uuid4())
        )
        await clinic.execute(
            "INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status)"
            " VALUES (gen_random_uuid(), :patient, :doctor, :at, :ends, 'confirmed')",
            patient=key,
            doctor=clinic.doctor_id,
            at=at("09:00") + timedelta(minutes=minutes),
            ends=at("09:00") + timedelta(minutes=minutes + 15),
        )
    await closed(manager, clinic)

    first = await manager.sees(f"/reception/calls?clinic={clinic.id}")
    [more] = re.findall(r'href="([^"]*cursor=[^"]*)"', first)
    second = await manager.sees(more)

    assert len(set(re.findall(r"/reception/visits/([0-9a-f-]{36})/move", first + second))) == 45


async def test_a_receptionist_without_a_clinic_has_nobody_to_call(
    signed_in_api: str, issuer: FakeIssuer
) -> None:
    root = signed_in_api.removesuffix("/api/v1")
    token = issuer.token("e1", sub=str(uuid4()), roles=["reception"], clinic_ids=[str(uuid4())])
    headers = {"authorization": f"Bearer {token}"}

    async with httpx.AsyncClient(base_url=root, headers=headers, timeout=20) as http:
        calls, hours = await http.get("/reception/calls"), await http.get("/reception/hours")

    assert "Nobody is to be called" in calls.text
    assert "No doctors here" in hours.text
