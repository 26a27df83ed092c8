"""Staff's reads of patients' data by the API are in the trail; what patients read is not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from tests.clinic_rows import DAY, Clinic, at
from tests.fakes.issuer import FakeIssuer

LINES = text("SELECT action, role FROM audit WHERE object = :patient ORDER BY id")
READ = ("read", "reception")
PATHS = [
    "/patients/{patient}",
    "/patients/{patient}/consents",
    "/patients/{patient}/proxies",
    "/patients/{patient}/appointments",
    "/appointments/{visit}",
    "/appointments/{visit}/history",
]
"""Every read of one patient's data."""


@dataclass(frozen=True)
class Records:
    """A patient with an appointment, and the API as somebody calls it."""

    http: httpx.AsyncClient
    issuer: FakeIssuer
    clinic: Clinic
    patient: UUID
    visit: UUID

    def by(self, **claims: Any) -> dict[str, str]:
        token = self.issuer.token("e1", sub=f"somebody-{uuid4()}", **claims)
        return {"authorization": f"Bearer {token}"}

    def staff(self, role: str) -> dict[str, str]:
        return self.by(roles=[role], clinic_ids=[str(self.clinic.id)])

    async def see(self, path: str, caller: dict[str, str]) -> httpx.Response:
        named = path.format(patient=self.patient, visit=self.visit)
        answer = await self.http.get(named, headers=caller)
        assert answer.status_code == 200, answer.text
        return answer

    async def lines(self) -> list[tuple[str, str]]:
        """What was noted of the patient since the record was made."""
        async with self.clinic.database.connect() as connection:
            found = await connection.execute(LINES, {"patient": str(self.patient)})
            return [(row.action, row.role) for row in found][1:]


@pytest.fixture
async def records(signed_in_api: str, issuer: FakeIssuer, clinic: Clinic) -> AsyncIterator[Records]:
    patient = await clinic.patient()
    visit = await clinic.hold(at("09:00"), patient_id=patient)
    await clinic.becomes(visit, "confirmed")
    async with httpx.AsyncClient(base_url=signed_in_api, timeout=20) as http:
        yield Records(http, issuer, clinic, patient, visit)


@pytest.mark.parametrize("path", PATHS)
async def test_every_read_by_staff_of_what_is_a_patient_s_is_one_look(
    records: Records, path: str
) -> None:
    reception = records.staff("reception")

    await records.see(path, reception)
    await records.see(path, reception)

    assert await records.lines() == [READ, READ]


async def test_what_patients_and_their_proxies_read_is_no_look(records: Records) -> None:
    proxy = await records.clinic.patient()
    allowed = await records.http.post(
        f"/patients/{records.patient}/proxies",
        json={"patientId": str(proxy)},
        headers=records.by(patient_id=str(records.patient)),
    )
    assert allowed.status_code == 201, allowed.text

    for reader in (records.patient, proxy):
        for path in PATHS:
            await records.see(path, records.by(patient_id=str(reader)))

    assert await records.lines() == [("allow-proxy", "patient")]


async def test_a_doctor_reads_name_and_contact_of_a_record_and_reception_all_of_it(
    records: Records,
) -> None:
    practitioner = uuid4()
    doctor = await records.clinic.hire(practitioner_id=practitioner)
    await records.clinic.on_duty(at("10:00"), at("11:00"), doctor_id=doctor)
    await records.clinic.hold(at("10:00"), doctor_id=doctor, patient_id=records.patient)
    known = {"birth_date": date(1985, 3, 7), "time_zone": "Asia/Omsk", "id": records.patient}
    await records.clinic.execute(
        "UPDATE patients SET birth_date = :birth_date, time_zone = :time_zone WHERE id = :id",
        **known,
    )

    by_doctor = records.by(roles=["doctor"], practitioner_id=str(practitioner))
    told = (await records.see(PATHS[0], by_doctor)).json()
    whole = (await records.see(PATHS[0], records.staff("reception"))).json()

    assert (whole["birthDate"], whole["timeZone"]) == ("1985-03-07", "Asia/Omsk")
    assert whole["phone"] or whole["email"]
    assert told == whole | {"birthDate": None, "timeZone": None}
    assert await records.lines() == [("change", "sql"), ("read", "doctor"), READ]


async def test_who_may_not_see_an_appointment_has_not_looked_at_its_patient(
    records: Records,
) -> None:
    stranger = records.by(roles=["reception"], clinic_ids=[str(uuid4())])

    for path in PATHS[-2:]:
        named = path.format(visit=records.visit)
        assert (await records.http.get(named, headers=stranger)).status_code == 404

    assert await records.lines() == []


async def test_whoever_changes_a_consent_is_in_the_trail(records: Records) -> None:
    said = {"kind": "confirmed", "channel": "sms", "consent": "withdrawn"}

    for caller in (records.staff("reception"), records.by(patient_id=str(records.patient))):
        answer = await records.http.post(
            f"/patients/{records.patient}/consents", json=said, headers=caller
        )
        assert answer.status_code == 200, answer.text

    assert await records.lines() == [("consent", "reception"), ("consent", "patient")]


async def test_whoever_reads_whom_a_campaign_reaches_has_looked_at_each(records: Records) -> None:
    manager = records.staff("manager")
    path = f"/doctors/{records.clinic.doctor_id}/exceptions"
    leave = {
        "kind": "remove",
        "from": f"{DAY}T00:00",
        "until": f"{DAY + timedelta(days=1)}T00:00",
        "reason": "vacation",
        "policy": "call_list",
    }
    seen = await records.http.post(f"{path}?dryRun=true", json=leave, headers=manager)
    told = {"digest": seen.json()["digest"]}
    closed = await records.http.post(path, json=leave | told, headers=manager)
    assert closed.status_code == 202, closed.text

    visits = await records.see(f"/campaigns/{closed.json()['campaignId']}/visits", manager)

    assert [each["patientId"] for each in visits.json()["items"]] == [str(records.patient)]
    assert await records.lines() == [("read", "manager")]
