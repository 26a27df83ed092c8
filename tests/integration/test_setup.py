"""A manager sets up a clinic over HTTP: clinics, services, doctors, and days for a service."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clinic_rows import DAY, Clinic
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


async def test_a_plan_is_in_the_trail_of_its_doctor(desk: Desk) -> None:
    doctor_id = str(desk.clinic.doctor_id)
    plan = {"effectiveFrom": "2030-02-04", "weekly": [], "version": 0}

    await desk.send("PUT", f"/doctors/{doctor_id}/plan", plan, 200)

    query = {"object": doctor_id}
    trail = (await desk.http.get("/audit", params=query, headers=desk.manager)).json()
    assert [(each["action"], each["version"]) for each in trail["items"]] == [("plan", 1)]


async def test_a_clinic_moves_to_another_zone_while_temporal_is_away(desk: Desk) -> None:
    path, change = f"/clinics/{desk.clinic.id}", {"timeZone": "Asia/Kathmandu", "version": 1}

    changed = await desk.send("PATCH", path, change, 200)

    assert (changed["timeZone"], changed["version"]) == ("Asia/Kathmandu", 2)
