"""A manager sets up a clinic over HTTP: clinics, services, doctors, and days for a service."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from adapters.postgres.booking_facts import load_facts_besides
from adapters.postgres.direct import cursor
from adapters.postgres.take import hold_slot
from adapters.postgres.transactions import TransactionLimit
from domain.errors import NotASlot, SlotTaken
from domain.rules import SlotWish, check_target
from tests.builders import a_request
from tests.clinic_rows import DAY, Clinic, at
from tests.fakes.issuer import FakeIssuer


@dataclass(frozen=True)
class Desk:
    """The API as somebody calls it; `clinic` is one that the manager has by the token."""

    http: httpx.AsyncClient
    issuer: FakeIssuer
    clinic: Clinic
    subject: str

    def as_(self, *roles: str, **claims: Any) -> dict[str, str]:
        token = self.issuer.token("e1", sub=self.subject, roles=list(roles), **claims)
        return {"authorization": f"Bearer {token}"}

    @property
    def manager(self) -> dict[str, str]:
        return self.as_("manager", clinic_ids=[str(self.clinic.id)])

    async def send(self, method: str, path: str, body: object, status: int) -> dict[str, Any]:
        answer = await self.http.request(method, path, json=body, headers=self.manager)
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def service(self, minutes: int = 60, **facts: object) -> dict[str, Any]:
        wish = {"clinicId": str(self.clinic.id), "specialty": "surgeon", "name": "First visit"}
        return await self.send("POST", "/services", wish | {"minutes": minutes} | facts, 201)

    async def offered(self, minutes: int, **facts: object) -> UUID:
        """A service that the clinic's doctor offers."""
        made = await self.service(minutes, **facts)
        path = f"/doctors/{self.clinic.doctor_id}"
        version = (await self.http.get(path)).json()["version"]
        body = {"serviceIds": [made["serviceId"]], "version": version}
        await self.send("PATCH", path, body, 200)
        return UUID(made["serviceId"])

    async def starts(self, service: UUID | str) -> list[tuple[str, str]]:
        path = f"/doctors/{self.clinic.doctor_id}/schedule"
        asked = {"date": str(DAY), "serviceId": str(service)}
        answer = await self.http.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        return [(each["dateTime"][11:16], each["state"]) for each in answer.json()["slots"]]


@pytest.fixture
async def desk(signed_in_api: str, issuer: FakeIssuer, clinic: Clinic) -> AsyncIterator[Desk]:
    async with httpx.AsyncClient(base_url=signed_in_api, timeout=20) as http:
        yield Desk(http, issuer, clinic, f"manager-{uuid4()}")


A_CLINIC = {
    "name": "New clinic",
    "address": "Street 2",
    "timeZone": "Asia/Kathmandu",
    "phone": "+977 1 4000000",
}


async def test_whoever_makes_a_clinic_manages_it_from_the_answer_on(desk: Desk) -> None:
    caller = desk.as_("manager")

    answer = await desk.http.post("/clinics", json=A_CLINIC, headers=caller)
    made = answer.json()
    change = {"name": "Newer clinic", "version": 1}
    path = f"/clinics/{made['clinicId']}"
    changed = await desk.http.patch(path, json=change, headers=caller)
    stale = await desk.http.patch(path, json=change, headers=caller)
    mine = await desk.http.get("/me", headers=caller)

    assert answer.status_code == 201, answer.text
    assert made == {**A_CLINIC, "clinicId": made["clinicId"], "version": 1}
    assert changed.json() == {**made, "name": "Newer clinic", "version": 2}
    assert (stale.status_code, stale.json()["code"]) == (409, "changed")
    assert mine.json()["clinicIds"] == [made["clinicId"]]


async def test_whoever_made_two_clinics_manages_both(desk: Desk) -> None:
    caller = desk.as_("manager")

    made = [
        (await desk.http.post("/clinics", json=A_CLINIC, headers=caller)).json() for _ in range(2)
    ]

    known = (await desk.http.get("/me", headers=caller)).json()["clinicIds"]
    assert sorted(known) == sorted(each["clinicId"] for each in made)


@pytest.mark.parametrize("role", ["patient", "reception", "doctor", "operations"])
async def test_nobody_but_a_manager_sets_up(desk: Desk, role: str) -> None:
    caller = desk.as_(role, clinic_ids=[str(desk.clinic.id)])
    doctor = {"fullName": "A", "specialty": "surgeon", "clinicId": str(desk.clinic.id)}

    answers = [
        await desk.http.post("/clinics", json=A_CLINIC, headers=caller),
        await desk.http.post("/doctors", json=doctor, headers=caller),
    ]

    assert [each.status_code for each in answers] == [403, 403]


async def test_a_manager_of_another_clinic_may_not_change_this_one(desk: Desk) -> None:
    stranger = desk.as_("manager", clinic_ids=[str(uuid4())])
    wish = {"fullName": "A", "specialty": "surgeon", "clinicId": str(desk.clinic.id)}

    foreign = await desk.http.post("/doctors", json=wish, headers=stranger)
    unknown = await desk.http.post(
        "/doctors", json=wish | {"clinicId": str(uuid4())}, headers=stranger
    )

    assert (foreign.status_code, foreign.json()["code"]) == (403, "forbidden")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "clinic_not_found")


async def test_a_doctor_is_made_with_services_and_changed_by_version(desk: Desk) -> None:
    service = await desk.service()
    wish = {
        "fullName": "Dr  New",
        "specialty": "surgeon",
        "clinicId": str(desk.clinic.id),
        "slotMinutes": 20,
        "serviceIds": [service["serviceId"]],
    }

    made = await desk.send("POST", "/doctors", wish, 201)
    path = f"/doctors/{made['doctorId']}"
    changed = await desk.send("PATCH", path, {"slotMinutes": 15, "version": 1}, 200)
    bare = await desk.send("PATCH", path, {"serviceIds": [], "version": 2}, 200)
    stale = await desk.send("PATCH", path, {"slotMinutes": 15, "version": 2}, 409)

    assert (made["fullName"], made["name"], made["version"]) == ("Dr New", "Dr New", 1)
    assert made["serviceIds"] == [service["serviceId"]]
    assert (changed["slotMinutes"], changed["version"]) == (15, 2)
    assert changed["serviceIds"] == made["serviceIds"]
    assert (bare["serviceIds"], bare["slotMinutes"], bare["version"]) == ([], 15, 3)
    assert stale["code"] == "changed"
    assert (await desk.http.get(path)).json() == bare


async def test_a_doctor_offers_no_service_of_another_clinic(desk: Desk) -> None:
    path = f"/doctors/{desk.clinic.doctor_id}"

    refused = await desk.send("PATCH", path, {"serviceIds": [str(uuid4())], "version": 1}, 404)

    assert refused["code"] == "service_not_found"
    assert (await desk.http.get(path)).json()["version"] == 1


async def test_services_are_listed_by_clinic_and_specialty_a_page_at_a_time(desk: Desk) -> None:
    first = await desk.service(name="A check")
    second = await desk.service(name="B check", selfBookable=False)
    asked = {"clinicId": str(desk.clinic.id), "specialty": "surgeon", "limit": "1"}

    page = (await desk.http.get("/services", params=asked)).json()
    rest = (await desk.http.get("/services", params={**asked, "cursor": page["next"]})).json()

    assert page["items"] == [first]
    assert (rest["items"], rest["next"]) == ([second], None)
    assert (first["selfBookable"], second["selfBookable"]) == (True, False)


async def test_a_service_is_changed_by_version(desk: Desk) -> None:
    made = await desk.service(60)
    path = f"/services/{made['serviceId']}"

    changed = await desk.send("PATCH", path, {"minutes": 45, "version": 1}, 200)
    stale = await desk.send("PATCH", path, {"minutes": 30, "version": 1}, 409)
    unknown = await desk.send("PATCH", f"/services/{uuid4()}", {"version": 1}, 404)

    assert changed == {**made, "minutes": 45, "version": 2}
    assert (stale["code"], unknown["code"]) == ("changed", "service_not_found")


async def test_a_change_is_in_the_trail(desk: Desk) -> None:
    made = await desk.service()

    query = {"object": made["serviceId"]}
    trail = (await desk.http.get("/audit", params=query, headers=desk.manager)).json()

    assert [(each["action"], each["role"]) for each in trail["items"]] == [("create", "manager")]


async def test_a_day_shows_where_the_whole_service_fits(desk: Desk) -> None:
    long = await desk.offered(60)
    await desk.clinic.book(at("10:00"))

    assert await desk.starts(long) == [
        ("06:00", "free"),
        ("06:30", "booked"),
        ("07:00", "booked"),
    ]  # 09:00 to 11:00 in Moscow; at 10:30 an hour no longer fits


async def test_a_short_service_begins_on_the_same_grid(desk: Desk) -> None:
    short = await desk.offered(10)

    assert [start for start, _ in await desk.starts(short)] == ["06:00", "06:30", "07:00", "07:30"]


async def test_a_service_that_the_doctor_does_not_offer_has_no_day(desk: Desk) -> None:
    made = await desk.service()
    path = f"/doctors/{desk.clinic.doctor_id}/schedule"

    answer = await desk.http.get(path, params={"date": str(DAY), "serviceId": made["serviceId"]})

    assert (answer.status_code, answer.json()["code"]) == (404, "service_not_found")


async def test_a_hold_for_a_service_lasts_as_long_as_the_service(desk: Desk) -> None:
    service, clinic = await desk.offered(60), desk.clinic
    request = a_request(
        appointment_id=uuid4(),
        patient_id=await clinic.patient(),
        doctor_id=clinic.doctor_id,
        clinic_id=clinic.id,
        starts_at=at("09:30"),
        service_id=service,
    )

    held = (await hold_slot(clinic.database, TransactionLimit(1), request)).appointment

    assert (held.ends_at, held.service_id) == (at("10:30"), service)
    assert await desk.starts(service) == [("06:00", "held"), ("06:30", "held"), ("07:00", "held")]


async def test_a_visit_keeps_its_minutes_when_the_service_changes_and_when_it_moves(
    desk: Desk,
) -> None:
    service, clinic = await desk.offered(60), desk.clinic
    visit = await clinic.book(at("09:00"))
    await clinic.execute(
        "UPDATE schedules SET service_id = :service, ends_at = :end WHERE id = :id",
        service=service,
        end=at("10:00"),
        id=visit,
    )
    await desk.send("PATCH", f"/services/{service}", {"minutes": 30, "version": 1}, 200)
    async with clinic.database.connect() as connection:
        row = await connection.execute(
            text("SELECT patient_id, ends_at FROM schedules WHERE id = :id"), {"id": visit}
        )
        patient, ends_at = row.one()
    to_ten = SlotWish(
        patient_id=patient, doctor_id=clinic.doctor_id, starts_at=at("10:00"), max_holds=0
    )

    async with cursor(clinic.database) as connection:
        facts = await load_facts_besides(connection, to_ten, appointment_id=visit)

    assert ends_at == at("10:00")
    assert check_target(to_ten, facts)[1].ends_at == at("11:00")


@pytest.mark.parametrize(
    ("starts_at", "refusal"), [("10:30", NotASlot), ("09:45", NotASlot), ("09:30", SlotTaken)]
)
async def test_a_service_is_held_only_where_all_of_it_fits(
    desk: Desk, starts_at: str, refusal: type[Exception]
) -> None:
    service, clinic = await desk.offered(60), desk.clinic
    await clinic.book(at("10:00"))
    request = a_request(
        appointment_id=uuid4(),
        patient_id=await clinic.patient(),
        doctor_id=clinic.doctor_id,
        clinic_id=clinic.id,
        starts_at=at(starts_at),
        service_id=service,
    )

    with pytest.raises(refusal):
        await hold_slot(clinic.database, TransactionLimit(1), request)


async def test_a_hold_names_a_service_of_the_doctor(desk: Desk) -> None:
    wish = {
        "patientId": str(await desk.clinic.patient()),
        "doctorId": str(desk.clinic.doctor_id),
        "dateTime": at("09:00").isoformat(),
        "serviceId": str(uuid4()),
    }

    answer = await desk.http.post("/appointments", json=wish, headers=desk.manager)

    assert (answer.status_code, answer.json()["code"]) == (404, "service_not_found")


async def test_a_patient_does_not_book_what_the_clinic_books(desk: Desk) -> None:
    service = await desk.offered(30, selfBookable=False)
    patient = str(await desk.clinic.patient())
    wish = {
        "patientId": patient,
        "doctorId": str(desk.clinic.doctor_id),
        "dateTime": at("09:00").isoformat(),
        "serviceId": str(service),
    }

    caller = desk.as_("patient", patient_id=patient)
    answer = await desk.http.post("/appointments", json=wish, headers=caller)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
