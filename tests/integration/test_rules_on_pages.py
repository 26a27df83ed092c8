"""Every rule of a clinic is said in words, with the phone, before a patient tries."""

import re
from html import unescape
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.postgres.clinic_rules import write_rules
from domain.actors import ActorRef, Role
from domain.clinic_rules import ClinicRules
from domain.durations import parse_duration
from tests.clinic_rows import Clinic, at
from tests.integration.test_link_pages import form_of, link_of, opened

pytestmark = pytest.mark.unmeasured

MANAGER = ActorRef(id="m", role=Role.MANAGER)
A_DAY, A_YEAR = parse_duration("P1D"), parse_duration("P365D")
NEAR_AND_FAR = ClinicRules(book_notice=A_DAY, horizon=A_YEAR)
SAID = (
    "You can book online at least 1 day before the appointment.",
    "You can book online up to 365 days ahead.",
)
PHONE = 'href="tel:+74950000000"'
BY_DESK = "You can book these only by phone: Biopsy, X-ray."


async def ruled(clinic: Clinic, rules: ClinicRules) -> None:
    await clinic.execute("UPDATE clinics SET phone = '+74950000000' WHERE id = :id", id=clinic.id)
    await write_rules(clinic.database, clinic.id, rules, MANAGER)


async def a_patient(clinic: Clinic) -> UUID:
    """One that a browser may be, where nobody signs in."""
    patient = await clinic.patient()
    await clinic.execute(
        "UPDATE patients SET email = :mail WHERE id = :id",
        mail=f"{patient.hex}@example.org",
        id=patient,
    )
    return patient


async def shown(api: str, path: str, patient: object = "") -> str:
    headers = {"accept": "text/html", "accept-language": "en"}
    root = api.removesuffix("/api/v1")
    cookies = {"patient": str(patient)}
    async with httpx.AsyncClient(
        base_url=root, headers=headers, cookies=cookies, timeout=20
    ) as http:
        answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def rules_in(page: str) -> list[str]:
    return re.findall(r'<li data-rule="(\w+)">', page)


async def test_the_calendar_and_the_list_of_doctors_say_how_near_and_how_far_ahead(
    api: str, clinic: Clinic
) -> None:
    silent = await shown(api, f"/book/{clinic.doctor_id}")
    await ruled(clinic, NEAR_AND_FAR)

    calendar = await shown(api, f"/book/{clinic.doctor_id}")
    doctors = await shown(api, f"/?clinic={clinic.id}")

    assert rules_in(silent) == []
    for page in (calendar, doctors):
        assert PHONE in page
        assert rules_in(page) == ["bookNotice", "horizon"]
        assert all(each in page for each in SAID)


async def test_the_calendar_and_the_list_say_the_rules_of_the_doctors_specialty(
    api: str, clinic: Clinic
) -> None:
    colleague = await clinic.hire(specialty="therapist")
    own = {"surgeon": {"bookNotice": "P1D"}}
    await ruled(clinic, ClinicRules(horizon=A_YEAR, specialties=own))

    calendars = [await shown(api, f"/book/{each}") for each in (clinic.doctor_id, colleague)]
    doctors = await shown(api, f"/?clinic={clinic.id}")

    assert [rules_in(page) for page in calendars] == [["bookNotice", "horizon"], ["horizon"]]
    assert SAID[0] in calendars[0]
    assert sorted(rules_in(doctors)) == ["bookNotice", "horizon", "horizon"]


async def test_the_calendar_says_how_many_one_may_have_and_what_reception_alone_books(
    api: str, clinic: Clinic
) -> None:
    patient = await a_patient(clinic)
    await ruled(clinic, ClinicRules(max_live_per_patient=1))
    for name, self_bookable in (("X-ray", False), ("Check", True), ("Biopsy", False)):
        await clinic.execute(
            "WITH made AS (INSERT INTO services"
            " (id, clinic_id, specialty, name, minutes, self_bookable)"
            " VALUES (:id, :clinic, 'surgeon', :name, 30, :self_bookable) RETURNING id)"
            " INSERT INTO doctor_services (doctor_id, service_id) SELECT :doctor, id FROM made",
            id=uuid4(),
            clinic=clinic.id,
            name=name,
            self_bookable=self_bookable,
            doctor=clinic.doctor_id,
        )

    before = await shown(api, f"/book/{clinic.doctor_id}", patient)
    await clinic.book(at("09:00"), patient_id=patient)
    full = await shown(api, f"/book/{clinic.doctor_id}", patient)

    assert rules_in(before) == ["maxLivePerPatient", "selfBookable"]
    assert "You can have 1 appointment at this clinic at a time." in before
    assert "You have as many appointments at this clinic as can be booked online." in full
    for page in (before, full):
        assert BY_DESK in page
        assert PHONE in page


async def test_where_a_visit_moves_to_is_bound_in_words_on_its_page_and_behind_its_link(
    api: str, clinic: Clinic
) -> None:
    patient = await a_patient(clinic)
    await ruled(clinic, NEAR_AND_FAR)
    visit = await clinic.book(at("09:30"), patient_id=patient)
    link = link_of(visit)
    root = api.removesuffix("/api/v1")

    moving = await shown(api, f"/visits/{visit}/move", patient)
    days = await shown(api, f"{link}/times")
    headers = {"accept": "text/html", "accept-language": "en"}
    async with httpx.AsyncClient(base_url=root, headers=headers, timeout=20) as http:
        form = {"action": "move"} | await form_of(http, link)
        times = (await http.post(link, data=form)).text
        assert "Choose another time" in await opened(http, link)

    for page in (moving, days, times):
        assert rules_in(page) == ["bookNotice", "horizon"]
        assert all(each in unescape(page) for each in SAID)
        assert PHONE in page
