"""Leave and holidays by the managers' pages: seen before it is saved, watched, taken back."""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import text

from adapters.messages.visit import Language
from adapters.public_holidays import country_of_zone, public_holidays
from tests.clinic_rows import DAY, Clinic, at
from tests.fakes.issuer import FakeIssuer
from tests.integration.manager import Manager, values

LEAVE = {
    "kind": "remove",
    "from": f"{DAY}T00:00",
    "until": f"{DAY + timedelta(days=1)}T00:00",
    "reason": "vacation",
    "policy": "call_list",
}


READS = text("""
SELECT a.action FROM audit a JOIN schedules s ON s.patient_id = a.patient_id
WHERE s.clinic_id = :clinic AND a.action = 'read'
""")


async def booked_by(clinic: Clinic, clock: str, **contact: str | None) -> UUID:
    patient_id = uuid4()
    await clinic.execute(
        "INSERT INTO patients (id, full_name, phone, email) VALUES (:id, 'Ada Byron', :p, :m)",
        id=patient_id,
        p=contact.get("phone"),
        m=contact.get("email"),
    )
    visit = await clinic.hold(at(clock), patient_id=patient_id)
    await clinic.becomes(visit, "confirmed")
    return visit


async def test_a_leave_is_seen_before_it_is_saved_and_then_watched(
    manager: Manager, clinic: Clinic
) -> None:
    path = f"/manage/clinics/{clinic.id}/exceptions"
    first = await booked_by(clinic, "09:00")
    wish = LEAVE | {"doctorId": str(clinic.doctor_id)}

    preview = await manager.sends(path, wish, 200)
    [digest] = values(preview, "digest")
    second = await booked_by(clinic, "10:00", phone="+7 916 123-45-67")
    another = await manager.sends(path, wish | {"digest": digest}, 200)
    [true] = values(another, "digest")
    campaign = await manager.sends(path, wish | {"digest": true})
    again = await manager.sends(path, wish | {"digest": true})
    page, calls = await manager.sees(campaign), await manager.sees(f"{campaign}/calls")
    left = await manager.sees(f"{campaign}/calls?state=left")
    listed = await manager.sees(path)

    assert f"/reception/visits/{first}" in preview
    assert "Dr Kim" in preview
    assert "Nobody can book in this time from the moment you save." in preview
    assert "Appointments have changed since you looked." in another
    assert again == campaign
    assert "2 appointments" in page
    assert re.findall(r'<rect class="part-(\w+)" x="(\d+)" y="0" width="(\d+)"', page) == [
        ("withoutContact", "0", "500"),
        ("left", "500", "500"),
    ]
    assert "Ada Byron" in calls
    assert f"/reception/visits/{first}" in calls
    assert f"/reception/visits/{second}" not in calls
    assert 'href="tel:+79161234567"' in left
    assert "monday, 14 january" in listed.lower()
    assert f"{campaign}" in listed


async def test_who_looks_at_the_call_list_is_in_the_trail(manager: Manager, clinic: Clinic) -> None:
    await booked_by(clinic, "09:00")
    campaign = await closed(manager, clinic)

    await manager.sees(f"{campaign}/calls")

    async with clinic.database.connect() as connection:
        seen = await connection.execute(READS, {"clinic": clinic.id})
    assert len(seen.all()) == 1


async def closed(manager: Manager, clinic: Clinic) -> str:
    """The campaign's page of a leave of the whole clinic."""
    path = f"/manage/clinics/{clinic.id}/exceptions"
    preview = await manager.sends(path, LEAVE | {"doctorId": ""}, 200)
    return await manager.sends(path, LEAVE | {"digest": values(preview, "digest")[0]})


async def test_a_campaign_is_paused_resumed_and_stopped_for_good(
    manager: Manager, clinic: Clinic
) -> None:
    await booked_by(clinic, "09:00", email="a@b.c")
    campaign = await closed(manager, clinic)

    began = await manager.sees(campaign)
    await manager.sends(f"{campaign}/pause", {})
    paused = await manager.sees(campaign)
    await manager.sends(f"{campaign}/resume", {})
    await manager.sends(f"{campaign}/stop", {})
    late = await manager.sends(f"{campaign}/resume", {})
    stopped = await manager.sees(late)

    assert f'action="{campaign}/pause"' in began
    assert f'action="{campaign}/resume"' in paused
    assert late.endswith("?note=changed")
    assert "It was stopped for good." in stopped
    assert "<form" not in stopped.partition("<main")[2]


async def test_long_call_lists_lead_on(manager: Manager, clinic: Clinic) -> None:
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
    campaign = await closed(manager, clinic)

    first = await manager.sees(f"{campaign}/calls")
    [more] = re.findall(r'href="([^"]*cursor=[^"]*)"', first)
    second = await manager.sees(more)

    assert len(set(re.findall(r"/reception/visits/([0-9a-f-]{36})", first + second))) == 45


async def test_time_is_added_and_withdrawn_unless_somebody_has_booked_it(
    manager: Manager, clinic: Clinic
) -> None:
    path = f"/manage/clinics/{clinic.id}/exceptions"
    more = {
        "kind": "add",
        "from": f"{DAY}T14:00",
        "until": f"{DAY}T15:00",
        "reason": "other",
        "doctorId": str(clinic.doctor_id),
    }

    preview = await manager.sends(path, more, 200)
    made = await manager.sends(path, more | {"digest": values(preview, "digest")[0]})
    listed = await manager.sees(made)
    [withdraw] = re.findall(r'action="([^"]*/withdraw)"', listed)
    visit = await clinic.book(at("14:00"))
    kept = await manager.sends(withdraw, {"back": path})
    await clinic.becomes(visit, "cancelled")
    gone = await manager.sends(withdraw, {"back": path})

    assert "Patients can book in this time from the moment you save." in preview
    assert "Saved. Nobody had an appointment in this time." in listed
    assert "14:00\N{EN DASH}15:00" in listed
    assert "patients have booked in the time that was added" in await manager.sees(kept)
    assert "Nothing is closed or added from now on." in await manager.sees(gone)


async def test_what_is_wrong_with_an_exception_is_said_and_nothing_is_saved(
    manager: Manager, clinic: Clinic
) -> None:
    path = f"/manage/clinics/{clinic.id}/exceptions"

    passed = await manager.sends(
        path, LEAVE | {"from": "2020-01-01T00:00", "until": "2020-01-02T00:00"}, 422
    )
    turned = await manager.sends(path, LEAVE | {"until": LEAVE["from"]}, 422)
    empty = await manager.sends(path, LEAVE | {"from": ""}, 422)
    odd = await manager.http.post(path, data=LEAVE | {"doctorId": "nobody"})

    assert "This time has passed." in passed
    assert "The end must be after the beginning." in turned
    assert "Fill this in." in empty
    assert odd.status_code == 422
    assert "Nothing is closed or added from now on." in await manager.sees(path)


async def test_many_exceptions_lead_on_and_are_said_by_their_days(
    manager: Manager, clinic: Clinic
) -> None:
    await clinic.execute(
        "INSERT INTO exceptions (id, clinic_id, kind, wall_from, wall_until, reason)"
        " SELECT gen_random_uuid(), :clinic, 'remove', day, day + interval '50 hours', 'training'"
        " FROM generate_series(timestamp '2030-01-01', timestamp '2030-02-28', '1 day') day",
        clinic=clinic.id,
    )
    await clinic.execute(
        "INSERT INTO exceptions (id, clinic_id, kind, wall_from, wall_until, reason)"
        " VALUES (gen_random_uuid(), :clinic, 'remove', '2029-12-03', '2029-12-06', 'other')",
        clinic=clinic.id,
    )
    path = f"/manage/clinics/{clinic.id}/exceptions"

    first = await manager.sees(path)
    [more] = re.findall(r'href="([^"]*cursor=[^"]*)"', first)
    second = await manager.sees(more)

    assert "Mon, Dec 3 \N{EN DASH} Wed, Dec 5" in re.sub(r"\s+", " ", first).replace(
        "3 Dec", "Dec 3"
    ).replace("5 Dec", "Dec 5")
    assert "February 2030" in second
    found = re.findall(r"/manage/exceptions/([0-9a-f-]{36})/withdraw", first + second)
    assert len(set(found)) == 60


async def test_a_month_shows_what_is_closed_and_added_on_its_days(
    manager: Manager, clinic: Clinic
) -> None:
    made = (
        ("remove", None, f"{DAY} 00:00", f"{DAY + timedelta(days=2)} 00:00"),
        ("add", clinic.doctor_id, f"{DAY} 18:00", f"{DAY} 20:00"),
        ("remove", clinic.doctor_id, "2030-01-30 20:00", "2030-02-02 09:30"),
    )
    for kind, doctor, begins, ends in made:
        await clinic.execute(
            "INSERT INTO exceptions (id, clinic_id, doctor_id, kind, wall_from, wall_until, reason)"
            " VALUES (gen_random_uuid(), :clinic, :doctor, :kind, CAST(:begins AS timestamp),"
            " CAST(:ends AS timestamp), 'other')",
            clinic=clinic.id,
            doctor=doctor,
            kind=kind,
            begins=datetime.fromisoformat(begins),
            ends=datetime.fromisoformat(ends),
        )
    path = f"/manage/clinics/{clinic.id}/exceptions"

    january = marks_of(await manager.sees(f"{path}?month=2030-01-05"))
    [later] = re.findall(
        r'href="[^"]*(\?month=2030-02-01)#', await manager.sees(f"{path}?month=2030-01-05")
    )
    february = marks_of(await manager.sees(f"{path}{later}"))

    assert january == {
        14: ["closed: The whole clinic", "added: Dr Kim, 18:00\N{EN DASH}20:00"],
        15: ["closed: The whole clinic"],
        30: ["closed: Dr Kim, 20:00\N{EN DASH}24:00"],
        31: ["closed: Dr Kim"],
    }
    assert february == {1: ["closed: Dr Kim"], 2: ["closed: Dr Kim, 00:00\N{EN DASH}09:30"]}


def marks_of(page: str) -> dict[int, list[str]]:
    """What a screen reader says of each day of the table that has anything."""
    found: dict[int, list[str]] = {}
    for cell in re.findall(r"<td[^>]*>(.*?)</td>", page, re.DOTALL):
        said = re.findall(r'<li class="mark[^>]*>(.*?)</li>', cell, re.DOTALL)
        if said:
            [day] = re.findall(r'<span aria-hidden="true">(\d+)</span>', cell)
            heard = (
                re.sub(r'<span aria-hidden="true">.*?</span>|<[^>]*>', "", each) for each in said
            )
            found[int(day)] = [" ".join(each.split()) for each in heard]
    return found


async def test_a_day_that_is_chosen_shows_what_it_has_and_stands_in_the_form(
    manager: Manager, clinic: Clinic
) -> None:
    path = f"/manage/clinics/{clinic.id}/exceptions"
    preview = await manager.sends(path, LEAVE | {"doctorId": ""}, 200)
    await manager.sends(path, LEAVE | {"doctorId": "", "digest": values(preview, "digest")[0]})
    next_day = DAY + timedelta(days=1)

    month = await manager.sees(f"{path}?month={DAY}")
    [closed, after] = re.findall(rf'href="([^"]*&date=(?:{DAY}|{next_day}))#', month)
    chosen, free = [await manager.sees(each) for each in (closed, after)]

    assert values(free, "from")[-1:] == [f"{next_day}T00:00"]
    assert values(free, "until")[-1:] == [f"{next_day + timedelta(days=1)}T00:00"]
    assert "Nothing is closed or added on this day." in free
    detail = chosen.partition('id="chosen"')[2].partition("</section>")[0]
    assert "Monday, 14 January" in detail
    assert "/withdraw" in detail


async def test_months_and_days_that_have_passed_are_not_chosen(
    manager: Manager, clinic: Clinic
) -> None:
    path = f"/manage/clinics/{clinic.id}/exceptions"
    today = datetime.now(ZoneInfo("Europe/Moscow")).date()

    now = await manager.sees(path)
    yesterday = today - timedelta(days=1)
    passed = await manager.sees(f"{path}?month=2020-01-01&date={yesterday}")
    last = await manager.sees(f"{path}?month=2100-12-31")

    assert [now.count('aria-current="date"'), passed.count('aria-current="date"')] == [1, 1]
    assert 'id="chosen"' not in passed
    assert len(re.findall(r"\?month=[0-9-]{10}&date=", now)) == days_left(today)
    assert len(re.findall(r"\?month=[0-9-]{10}#", now)) == 1
    assert re.findall(r"\?month=([0-9-]{10})#", last) == ["2100-11-01"]


def days_left(today: date) -> int:
    """Of its month, with itself."""
    return monthrange(today.year, today.month)[1] - today.day + 1


async def test_a_public_holiday_is_offered_and_closed_only_when_it_is_accepted(
    manager: Manager, clinic: Clinic
) -> None:
    place = f"/manage/clinics/{clinic.id}"
    today = datetime.now(ZoneInfo("Europe/Moscow")).date()
    offered = public_holidays("RU", today, today + timedelta(days=365), Language.EN)

    before = await manager.sees(f"{place}/holidays")
    day = values(before, "from")[-1]
    form = {name: values(before, name)[-1] for name in ("kind", "reason", "from", "until")}
    preview = await manager.sends(f"{place}/exceptions", form, 200)
    await manager.sends(f"{place}/exceptions", form | {"digest": values(preview, "digest")[0]})
    after = await manager.sees(f"{place}/holidays")

    assert values(before, "from") == [f"{each.day}T00:00" for each in offered]
    assert offered[0].name in before
    assert day not in values(after, "from")
    assert len(values(after, "from")) == len(offered) - 1


async def test_a_country_without_a_list_says_so(manager: Manager, clinic: Clinic) -> None:
    await clinic.execute("UPDATE clinics SET time_zone = 'UTC' WHERE id = :id", id=clinic.id)

    page = await manager.sees(f"/manage/clinics/{clinic.id}/holidays")

    assert "There is no list for this country." in page


def test_a_zone_has_the_country_of_its_place() -> None:
    assert country_of_zone("Asia/Kathmandu") == "NP"
    assert country_of_zone("Etc/GMT+3") is None


@pytest.mark.parametrize("role", ["reception", "doctor"])
async def test_a_campaign_is_watched_but_not_run_by_others(
    manager: Manager, clinic: Clinic, signed_in_api: str, issuer: FakeIssuer, role: str
) -> None:
    practitioner = uuid4()
    doctor = await clinic.hire(practitioner_id=practitioner)
    path = f"/manage/clinics/{clinic.id}/exceptions"
    wish = LEAVE | {"doctorId": str(doctor)}
    preview = await manager.sends(path, wish, 200)
    await manager.sends(path, wish | {"digest": values(preview, "digest")[0]})
    [campaign] = re.findall(r"/manage/campaigns/[0-9a-f-]{36}", await manager.sees(path))
    claims: dict[str, Any] = {
        "clinic_ids": [str(clinic.id)],
        "practitioner_id": str(practitioner),
    }
    token = issuer.token("e1", sub=str(uuid4()), roles=[role], **claims)
    root = signed_in_api.removesuffix("/api/v1")

    async with httpx.AsyncClient(
        base_url=root, headers={"authorization": f"Bearer {token}", "origin": root}
    ) as http:
        page = await http.get(campaign)
        paused = await http.post(f"{campaign}/pause")

    assert page.status_code == 200
    assert "/pause" not in page.text
    assert paused.status_code == 403


def test_the_day_of_these_tests_is_ahead() -> None:
    assert datetime.now(UTC).date() < DAY
