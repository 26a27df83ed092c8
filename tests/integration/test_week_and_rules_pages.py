"""A doctor's own week and leave, a clinic's rules as a form, and why a day has nothing to book."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clinic_rows import DAY, Clinic, at, open_clinic
from tests.fakes.issuer import FakeIssuer
from tests.integration.manager import Manager, values

LEAVE = {
    "kind": "remove",
    "from": f"{DAY}T00:00",
    "until": f"{DAY + timedelta(days=1)}T00:00",
    "reason": "vacation",
}


async def test_a_doctor_reads_the_own_week_and_takes_leave(
    manager: Manager, clinic: Clinic
) -> None:
    path = f"/doctor/{clinic.doctor_id}/week"
    hours = {
        "weekday": "1",
        "from": "09:00",
        "until": "11:00",
        "everyWeeks": "1",
        "effectiveFrom": str(DAY),
        "version": "0",
    }

    before = await manager.sees(path)
    await manager.sends(f"/manage/doctors/{clinic.doctor_id}/plan", hours)
    wrong = await manager.sends(path, LEAVE | {"until": ""}, 422)
    preview = await manager.sends(path, LEAVE, 200)
    made = await manager.sends(path, LEAVE | {"digest": values(preview, "digest")[0]})
    after = await manager.sees(made)

    assert "No weekly hours yet." in before
    assert "Nothing is closed or added from now on." in before
    assert 'id="leave-until-fault"' in wrong
    assert f'action="{path}"' in preview
    assert made == f"{path}?note=made"
    assert "09:00\N{EN DASH}11:00" in after
    assert "nobody approves it first" in after
    assert "/withdraw" not in after


@pytest.mark.parametrize(("role", "asks"), [("doctor", True), ("reception", False)])
async def test_who_may_take_leave_is_who_sees_its_form(
    clinic: Clinic,
    signed_in_api: str,
    issuer: FakeIssuer,
    role: str,
    asks: bool,  # noqa: FBT001 - the case
) -> None:
    practitioner, elsewhere = uuid4(), await open_clinic(clinic.database)
    doctor = await clinic.hire(practitioner_id=practitioner)
    claims: dict[str, Any] = {"clinic_ids": [str(clinic.id)]}
    if role == "doctor":
        claims["practitioner_id"] = str(practitioner)
    token = issuer.token("e1", sub=str(uuid4()), roles=[role], **claims)
    root = signed_in_api.removesuffix("/api/v1")

    async with httpx.AsyncClient(
        base_url=root, headers={"authorization": f"Bearer {token}"}, timeout=20
    ) as http:
        own = await http.get(f"/doctor/{doctor}/week")
        foreign = await http.get(f"/doctor/{elsewhere.doctor_id}/week")

    assert own.status_code == 200
    assert ("Take leave" in own.text) is asks
    assert foreign.status_code == 403


async def test_a_specialty_has_rules_of_its_own_which_the_clinics_form_leaves_alone(
    manager: Manager, clinic: Clinic
) -> None:
    path = f"/manage/clinics/{clinic.id}/rules"
    own = {"specialty": "surgeon", "bookNotice": "P2D", "horizon": "none", "maxMoves": "2"}
    rules = f"/api/v1/clinics/{clinic.id}/rules"

    await manager.sends(path, {"horizon": "P60D", "maxMoves": "1"})
    before = await manager.sees(f"{path}?specialty=surgeon")
    saved = await manager.sends(f"{path}/specialty", own)
    after = await manager.sees(saved)
    await manager.sends(path, {"horizon": "P90D"})
    kept = (await manager.http.get(rules)).json()
    wrong = await manager.sends(f"{path}/specialty", own | {"maxMoves": "-1"}, 422)
    await manager.sends(f"{path}/specialty", {"specialty": "surgeon"})
    emptied = (await manager.http.get(rules)).json()

    assert "as at the clinic: 60 days" in before
    assert "as at the clinic: 1<" in before
    assert "Saved." in after
    assert 'value="P2D" selected>2 days' in after
    assert 'value="none" selected' in after
    assert kept["horizon"] == "P90D"
    assert kept["specialties"] == {"surgeon": {"bookNotice": "P2D", "horizon": None, "maxMoves": 2}}
    assert "Nothing was saved." in wrong
    assert "specialties" not in emptied


async def test_rules_of_specialties_that_are_written_at_once_are_all_kept(
    manager: Manager, clinic: Clinic
) -> None:
    path = f"/manage/clinics/{clinic.id}/rules"
    names = [f"specialty {number}" for number in range(8)]
    wishes = [{"specialty": name, "maxMoves": str(number)} for number, name in enumerate(names)]

    await asyncio.gather(
        *(manager.sends(f"{path}/specialty", wish) for wish in wishes),
        manager.sends(path, {"horizon": "P90D"}),
    )
    kept = (await manager.http.get(f"/api/v1/clinics/{clinic.id}/rules")).json()

    assert kept["specialties"] == {name: {"maxMoves": n} for n, name in enumerate(names)}
    assert kept["horizon"] == "P90D"


async def test_a_clinics_rules_are_a_form_that_says_them_in_words(
    manager: Manager, clinic: Clinic
) -> None:
    path = f"/manage/clinics/{clinic.id}/rules"
    wish = {
        "bookNotice": "PT2H",
        "horizon": "P60D",
        "moveNotice": "",
        "cancelNotice": "P1DT2H",
        "maxMoves": "2",
        "maxLivePerPatient": "",
        "reminders": ["P2D", "PT2H"],
        "noShowAfter": "",
        "maxNoShows": "2",
        "noShowsWithin": "P180D",
        "offers.lasts": "PT1H",
    }

    before = await manager.sees(path)
    saved = await manager.sends(path, wish)
    after = await manager.sees(saved)
    wrong = await manager.sends(path, wish | {"maxMoves": "-1", "bookNotice": "PT3H"}, 422)
    kept = (await manager.http.get(f"/api/v1/clinics/{clinic.id}/rules")).json()
    await manager.sends(path, {"maxMoves": ""})
    bare = (await manager.http.get(f"/api/v1/clinics/{clinic.id}/rules")).json()

    assert 'value="P3D" checked' in before
    assert "Saved." in after
    assert 'value="P1DT2H" selected>1 day 2 hours' in after
    assert 'value="PT2H" checked' in after
    assert 'id="rules-maxMoves-fault"' in wrong
    assert kept == {
        "bookNotice": "PT2H",
        "cancelNotice": "P1DT2H",
        "moveNotice": None,
        "horizon": "P60D",
        "maxMoves": 2,
        "maxLivePerPatient": None,
        "reminders": ["P2D", "PT2H"],
        "noShowAfter": None,
        "maxNoShows": 2,
        "noShowsWithin": "P180D",
        "offers": {"lasts": "PT1H"},
    }
    assert (bare["reminders"], bare["bookNotice"]) == ([], None)


async def why(manager: Manager, doctor_id: UUID, day: object) -> list[str]:
    """What the patient's page and the doctor's say of a day, where they give one of these."""
    pages = [
        await manager.sees(f"/book/{doctor_id}?date={day}"),
        await manager.sees(f"/doctor/{doctor_id}?date={day}"),
    ]
    known = (
        "All times of this day are taken.",
        "No gap of this day is long enough for an appointment.",
        "The doctor or the clinic is away on this day.",
        "The doctor is not on duty on this day.",
        "It is too late to book on this day.",
    )
    return [each for page in pages for each in known if each in page]


async def test_pages_say_why_nothing_of_a_day_can_be_booked(
    manager: Manager, clinic: Clinic
) -> None:
    doctor, next_day = clinic.doctor_id, DAY + timedelta(days=1)
    await clinic.on_duty(at("09:00", next_day), at("09:20", next_day))

    free = await why(manager, doctor, DAY)
    off = await why(manager, doctor, DAY + timedelta(days=2))
    late = await why(manager, doctor, "2020-01-01")
    short = await why(manager, doctor, next_day)
    for clock in ("09:00", "09:30", "10:00", "10:30"):
        await clinic.book(at(clock))
    full = await why(manager, doctor, DAY)
    path = f"/doctor/{doctor}/week"
    preview = await manager.sends(path, LEAVE, 200)
    await manager.sends(path, LEAVE | {"digest": values(preview, "digest")[0]})
    closed = await why(manager, doctor, DAY)

    assert free == []
    assert off == ["The doctor is not on duty on this day."] * 2
    assert late == ["It is too late to book on this day."] * 2
    assert short == ["No gap of this day is long enough for an appointment."] * 2
    assert full == ["All times of this day are taken."] * 2
    assert closed == ["The doctor or the clinic is away on this day."] * 2
