"""What staff look for is found among what they may see and use, however much else there is."""

import re
from collections.abc import AsyncIterator
from html import unescape
from uuid import UUID

import httpx
import pytest

from tests.clinic_rows import Clinic, a_name, at, open_clinic
from tests.fakes.issuer import FakeIssuer
from tests.integration.test_ops_pages import message

MORE_THAN_A_PAGE = 21
NOTHING_FOUND = "No appointments found."


@pytest.fixture
async def other(clinic: Clinic) -> Clinic:
    """A clinic whose staff are others."""
    return await open_clinic(clinic.database)


@pytest.fixture
async def staff(
    clinic: Clinic, signed_in_api: str, issuer: FakeIssuer
) -> AsyncIterator[httpx.AsyncClient]:
    """At the desk of one clinic, and its manager."""
    roles = ["reception", "manager"]
    token = issuer.token("e1", sub=f"of {clinic.id}", roles=roles, clinic_ids=[str(clinic.id)])
    headers = {
        "authorization": f"Bearer {token}",
        "accept": "text/html",
        "accept-language": "en",
    }
    root = signed_in_api.removesuffix("/api/v1")
    async with httpx.AsyncClient(base_url=root, headers=headers, timeout=20) as http:
        yield http


async def a_patient(clinic: Clinic) -> tuple[UUID, str]:
    patient, name = await clinic.patient(), a_name()
    await clinic.execute(
        "UPDATE patients SET full_name = :name WHERE id = :id", name=name, id=patient
    )
    return patient, name


async def many_over(clinic: Clinic, patient: UUID) -> list[UUID]:
    """Later than what was booked before: bookings that were cancelled."""
    made = []
    for _ in range(MORE_THAN_A_PAGE):
        made.append(await clinic.hold(at("10:30"), patient_id=patient))
        await clinic.becomes(made[-1], "cancelled")
    return made


async def shown(http: httpx.AsyncClient, path: str, **query: object) -> str:
    answer = await http.get(path, params={name: str(each) for name, each in query.items()})
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


async def test_a_visit_to_exchange_with_is_found_behind_many_that_are_over(
    clinic: Clinic, staff: httpx.AsyncClient
) -> None:
    patient, name = await a_patient(clinic)
    visit, wanted = (
        await clinic.book(at("09:00")),
        await clinic.book(at("10:00"), patient_id=patient),
    )
    await many_over(clinic, patient)

    page = await shown(staff, f"/reception/visits/{visit}/exchange", q=name)

    assert f'name="other" value="{wanted}"' in page


async def test_a_visit_to_exchange_with_is_found_behind_many_of_another_clinic(
    clinic: Clinic, other: Clinic, staff: httpx.AsyncClient
) -> None:
    patient, name = await a_patient(clinic)
    visit, wanted = (
        await clinic.book(at("09:00")),
        await clinic.book(at("10:00"), patient_id=patient),
    )
    for day in range(15, 22):
        there = at("09:00").replace(day=day)
        await other.on_duty(there, there.replace(hour=9))
        await other.book(there, patient_id=patient)

    page = await shown(staff, f"/reception/visits/{visit}/exchange", q=name)

    assert page.count('name="other" value="') == 1
    assert f'name="other" value="{wanted}"' in page


async def test_a_manager_finds_the_booking_behind_a_page_of_another_clinics(
    clinic: Clinic, other: Clinic, staff: httpx.AsyncClient
) -> None:
    patient, name = await a_patient(clinic)
    wanted = await clinic.book(at("09:00"), patient_id=patient)
    await many_over(other, patient)

    found = await staff.get("/ops/bookings", params={"q": name})

    assert found.headers.get("location") == f"/ops/bookings/{wanted}", found.text


async def test_a_manager_sees_the_trouble_behind_a_page_of_another_clinics(
    clinic: Clinic, other: Clinic, staff: httpx.AsyncClient
) -> None:
    patient, _ = await a_patient(clinic)
    wanted = await clinic.book(at("09:00"), patient_id=patient)
    await message(clinic, wanted, "sms", "failed")
    theirs = await many_over(other, patient)
    for each in theirs:
        await message(other, each, "sms", "failed")

    page = await shown(staff, "/ops/bookings", trouble="failed")

    assert f"/ops/bookings/{wanted}" in page
    assert not any(str(each) in page for each in theirs)


async def test_the_reference_of_another_clinics_booking_finds_nothing(
    clinic: Clinic, other: Clinic, staff: httpx.AsyncClient
) -> None:
    """Not what else its patient has booked either: nobody learns that it is one."""
    patient, _ = await a_patient(clinic)
    own = await clinic.book(at("09:00"), patient_id=patient)
    theirs = await other.book(at("10:00"), patient_id=patient)

    page = await shown(staff, "/ops/bookings", q=str(theirs)[:8])
    found = await staff.get("/ops/bookings", params={"q": str(own)[:8]})

    assert NOTHING_FOUND in page
    assert found.headers.get("location") == f"/ops/bookings/{own}"


async def test_what_a_patient_has_ahead_here_is_seen_behind_much_at_another_clinic(
    clinic: Clinic, other: Clinic, staff: httpx.AsyncClient
) -> None:
    patient, _ = await a_patient(clinic)
    for day in range(1, 8):
        there = at("09:00").replace(day=day)
        await other.on_duty(there, there.replace(hour=9))
        await other.book(there, patient_id=patient)
    wanted = await clinic.book(at("09:00"), patient_id=patient)

    page = await shown(staff, "/reception", patient=patient)

    assert re.findall(r'href="/reception/visits/([0-9a-f-]+)', page) == [str(wanted)]
