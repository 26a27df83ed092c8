"""Names, phones and addresses of patients stay in PostgreSQL and in the messages themselves."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier
from temporalio.api.common.v1 import Payload
from temporalio.client import Client

from adapters.temporal.codec import SealedPayloads
from tests.acceptance.conftest import PAYLOAD_KEYS, Clinic, Slot, eventually
from tests.acceptance.watching import (
    histories,
    lists_of_runs,
    records,
    redis_values,
    topics,
    whole_records,
)
from tests.payload_keys import payloads_in

TABLES = SQL("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")


async def test_no_personal_data_reaches_temporal_kafka_redis_or_a_log(
    clinic: Clinic, temporal_client: Client
) -> None:
    patient = clinic.state["patients"][7]
    (row,) = await clinic.rows("SELECT * FROM patients WHERE id = %s", patient["id"])
    personal = {row["full_name"], row["phone"], row["email"]}
    slot = await clinic.free_slot()
    appointment = await clinic.hold(slot, patient=patient["id"])
    await clinic.confirm(appointment)

    async def told() -> bool:
        return len(await clinic.messages_about(appointment)) == 2

    await eventually(told)

    texts = [text async for text in histories(temporal_client)]
    texts += [record.decode() for record in await records(clinic)]
    texts += await redis_values(clinic)
    texts += [log.read_text(errors="replace") for log in logs(clinic)]

    assert any(appointment in text for text in texts)
    assert [word for word in personal if any(word in text for text in texts)] == []


@dataclass(frozen=True, kw_only=True)
class Zoya:
    """Somebody whose every word can be told from everybody else's."""

    mark: str
    born: str = "1931-03-17"

    @property
    def name(self) -> str:
        return f"Zoya {self.mark}"

    @property
    def phone(self) -> str:
        return f"+7916{int(self.mark, 16) % 10**7:07}"

    @property
    def email(self) -> str:
        return f"{self.mark}@private.example"

    @property
    def needles(self) -> list[str]:
        """The mark is in the name, in the address and in the id that another system has."""
        return [self.mark, self.phone.removeprefix("+"), self.born]

    async def registers(self, clinic: Clinic) -> str:
        body = {
            "fullName": self.name,
            "phone": self.phone,
            "email": f"old-{self.email}",
            "language": "ru",
            "birthDate": self.born,
        }
        made = (await clinic.http.post("/api/v1/patients", json=body)).json()
        changed = {"email": self.email, "version": made["version"]}
        await clinic.http.patch(f"/api/v1/patients/{made['patientId']}", json=changed)
        return str(made["patientId"])

    def file(self, slot: Slot, ends_at: str) -> str:
        """A line that another system has of a visit, which was cancelled."""
        return (
            "external_id,doctor,starts_at,ends_at,patient_name,patient_phone,patient_email,status\n"
            f"old-{self.mark},{slot.doctor_id},{slot.starts_at},{ends_at},"
            f"{self.name},{self.phone},{self.email},cancelled\n"
            f"{self.mark},{self.name},{slot.starts_at},{ends_at},{self.name},,,cancelled\n"
        )


async def test_an_erased_person_is_found_nowhere(clinic: Clinic, temporal_client: Client) -> None:
    """Letters that were delivered are out of our hands; what stays of each is a row without words.

    Told, looked at, imported, searched for, and on pages; then erased.
    """
    zoya = Zoya(mark=f"a{uuid4().hex[:9]}")  # digits alone are a telephone number
    patient = await zoya.registers(clinic)
    await imports(clinic, zoya)
    appointment = await clinic.hold(patient=patient)
    for command, messages in ((clinic.confirm, 2), (clinic.cancel, 4)):
        await command(appointment)
        await are_told(clinic, appointment, messages)
    for path in (f"/reception/patients/{patient}", f"/reception?q={zoya.mark}", "/visits"):
        await clinic.http.get(path, headers={"accept": "text/html"})
    sought = f"/api/v1/patients?q={zoya.mark}"
    assert len((await clinic.http.get(sought)).json()["items"]) == 1
    assert await tables(clinic, zoya) == {"patients"}

    erased = await clinic.http.post(f"/api/v1/patients/{patient}/erase")

    assert erased.status_code == 200, erased.text
    assert (await clinic.http.get(sought)).json()["items"] == []
    assert (await clinic.http.get(f"/api/v1/patients/{patient}")).status_code == 404
    assert await tables(clinic, zoya) == set()
    everywhere = await found_outside(clinic, temporal_client)
    assert any(appointment in text for text in everywhere)
    assert [text[:300] for text in everywhere if any(each in text for each in zoya.needles)] == []


async def are_told(clinic: Clinic, appointment: str, messages: int) -> None:
    """What is overtaken by another change before it is told need not be told."""

    async def told() -> bool:
        return len(await clinic.messages_about(appointment)) == messages

    await eventually(told, within=60)


async def imports(clinic: Clinic, zoya: Zoya) -> None:
    """The same person as another system knows it; the second line is refused, and told."""
    slot = await clinic.free_slot()
    [listed] = [
        each
        for each in (await clinic.http.get("/api/v1/doctors?limit=100")).json()["items"]
        if each["doctorId"] == slot.doctor_id
    ]
    ends_at = (datetime.fromisoformat(slot.starts_at) + timedelta(minutes=30)).isoformat()
    sent = await clinic.http.post(
        f"/api/v1/imports?clinicId={listed['clinicId']}",
        content=zoya.file(slot, ends_at),
        headers={"content-type": "text/csv"},
    )
    assert sent.status_code == 202, sent.text
    path = f"/api/v1/imports/{sent.json()['importId']}"

    async def is_read() -> bool:
        return bool((await clinic.http.get(path)).json()["state"] == "done")

    await eventually(is_read, within=60)
    report = (await clinic.http.get(path)).json()
    assert (report["created"], len(report["refused"])) == (1, 1), report


async def tables(clinic: Clinic, zoya: Zoya) -> set[str]:
    """Those that have one of the person's words in any row."""
    found = set()
    async with await psycopg.AsyncConnection.connect(clinic.state["databaseUrl"] or "") as asking:
        for (table,) in await (await asking.execute(TABLES)).fetchall():
            rows = SQL("SELECT FROM {} t WHERE t::text ~* ANY(%s) LIMIT 1")
            if (await asking.execute(rows.format(Identifier(table)), [zoya.needles])).rowcount:
                found.add(table)
    return found


async def found_outside(clinic: Clinic, client: Client) -> list[str]:
    """Every run with its payloads opened, list, record, key and line of a log."""
    texts = [text async for text in histories(client)]
    opened = await SealedPayloads(PAYLOAD_KEYS).decode(await payloads_about(client, ""))
    texts += [payload.data.decode(errors="replace") for payload in opened]
    texts += [text async for text in lists_of_runs(client)]
    texts += [str(record) for record in await whole_records(clinic, *await topics(clinic))]
    texts += await redis_values(clinic)
    return texts + [
        await asyncio.to_thread(log.read_text, errors="replace") for log in logs(clinic)
    ]


def logs(clinic: Clinic) -> list[Path]:
    return list(Path(clinic.state["logs"]).glob("*.log"))


async def test_nobody_reads_the_payloads_of_a_booking_in_temporal(
    clinic: Clinic, temporal_client: Client
) -> None:
    """Ids that runs are found by stay readable: search attributes and the id of the run."""
    slot = await clinic.free_slot()
    other = clinic.slots[slot.doctor_id].pop()
    patient = clinic.patient()
    visit = await clinic.hold(slot, patient=patient)
    await clinic.confirm(visit)
    moved = await clinic.http.post(
        f"/api/v1/appointments/{visit}/reschedule",
        json={"doctorId": other.doctor_id, "dateTime": other.starts_at, "version": 2},
    )
    cancelled = await clinic.cancel(visit, reason="patient_request")
    needles = [patient, slot.doctor_id, "confirmed", "cancelled", "patient_request", "hold_seconds"]

    sealed = await payloads_about(temporal_client, visit)
    opened = await SealedPayloads(PAYLOAD_KEYS).decode(sealed)

    assert (moved.status_code, cancelled.status_code) == (200, 200), moved.text + cancelled.text
    assert found_in(sealed, needles) == []
    assert set(needles) - set(found_in(opened, needles)) == set(), "the needles are none"


async def payloads_about(client: Client, appointment: str) -> list[Payload]:
    """Of all runs, where it is about no appointment."""
    runs = [f"appointment-{appointment}", f"reschedule-{appointment}-2", f"cancel-{appointment}"]
    found: list[Payload] = []
    async for run in client.list_workflows():
        if not appointment or run.id.startswith(tuple(runs)):
            history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
            found += [payload for event in history.events for payload in payloads_in(event)]
    return found


def found_in(payloads: list[Payload], needles: list[str]) -> list[str]:
    said = b"\n".join(payload.data for payload in payloads)
    return [needle for needle in needles if needle.encode() in said]
