"""A doctor who is to go on leave, with a colleague, in a clinic that no other test knows."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.acceptance.conftest import Clinic, eventually
from tests.leaves import Leave


@dataclass(frozen=True, kw_only=True)
class Away:
    """The doctor of a leave, and a colleague who is not away."""

    clinic: Clinic
    leave: Leave
    clinic_id: str
    doctor_id: str
    colleague_id: str

    async def preview(self) -> str:
        path = f"/doctors/{self.doctor_id}/exceptions?dryRun=true"
        return str((await posted(self.clinic, path, self.leave.wish))["digest"])

    async def apply(self, digest: str) -> httpx.Response:
        path = f"/api/v1/doctors/{self.doctor_id}/exceptions"
        return await self.clinic.http.post(path, json=self.leave.wish | {"digest": digest})

    async def book_out(self) -> None:
        answer = await self.clinic.http.post(
            f"/api/v1/imports?clinicId={self.clinic_id}",
            content=self.leave.file(self.doctor_id),
            headers={"content-type": "text/csv"},
        )
        assert answer.status_code == 202, answer.text
        path = f"/api/v1/imports/{answer.json()['importId']}"

        async def is_done() -> bool:
            told = (await self.clinic.http.get(path)).json()
            assert not told["refused"], told
            return bool(told["state"] == "done" and told["created"] == self.leave.visits)

        await eventually(is_done, within=60)

    async def visits(self) -> list[dict[str, Any]]:
        """As everybody reads them."""
        found = await self.clinic.rows(
            "SELECT id::text FROM schedules WHERE doctor_id = %s", self.doctor_id
        )
        return [await self.clinic.get(row["id"]) for row in found]

    async def offers(self, campaign_id: str) -> list[dict[str, Any]]:
        """What is offered, by the campaign's visits, in the order in which they were asked."""
        return await self.clinic.rows(
            "SELECT v.appointment_id::text AS visit, v.offer_id::text AS offer, v.round, o.status,"
            " o.starts_at FROM campaign_visits v JOIN schedules o ON o.id = v.offer_id"
            " WHERE v.campaign_id = %s ORDER BY v.asked_at",
            campaign_id,
        )

    async def told(self) -> int:
        """How many patients have a message about an offer."""
        [row] = await self.clinic.rows(
            "SELECT count(DISTINCT n.patient_id) AS told FROM notifications n"
            " JOIN schedules o ON o.id = n.appointment_id"
            " WHERE n.kind = 'offered' AND o.clinic_id = %s",
            self.clinic_id,
        )
        return int(row["told"])


async def away(clinic: Clinic, leave: Leave) -> Away:
    clinic_id = (await posted(clinic, "/clinics", leave.clinic))["clinicId"]
    doctors = [await posted(clinic, "/doctors", leave.doctor(clinic_id)) for _ in range(2)]
    doctor_id, colleague_id = [each["doctorId"] for each in doctors]
    for each in (doctor_id, colleague_id):
        path = f"/api/v1/doctors/{each}/plan"
        assert (await clinic.http.put(path, json=leave.plan)).status_code == 200
    return Away(
        clinic=clinic,
        leave=leave,
        clinic_id=clinic_id,
        doctor_id=doctor_id,
        colleague_id=colleague_id,
    )


async def posted(clinic: Clinic, path: str, body: object = None) -> dict[str, Any]:
    answer = await clinic.http.post(f"/api/v1{path}", json=body)
    assert answer.is_success, answer.text
    told: dict[str, Any] = answer.json()
    return told
