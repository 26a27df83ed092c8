"""Names, phones and addresses of patients stay in PostgreSQL and in the messages themselves."""

from pathlib import Path

from redis.asyncio import Redis
from temporalio.api.common.v1 import Payload
from temporalio.client import Client

from adapters.temporal.codec import SealedPayloads
from tests.acceptance.conftest import PAYLOAD_KEYS, Clinic, eventually
from tests.acceptance.watching import histories, records
from tests.payload_keys import payloads_in


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


async def redis_values(clinic: Clinic) -> list[str]:
    """As text, as far as it is: a day begins with its seal."""
    redis = Redis.from_url(clinic.state["redisUrl"] or "")
    keys = [key async for key in redis.scan_iter()]
    values = [await redis.get(key) or b"" for key in keys]
    await redis.aclose()
    return [each.decode(errors="replace") for each in keys + values]


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
    runs = [f"appointment-{appointment}", f"reschedule-{appointment}-2", f"cancel-{appointment}"]
    found: list[Payload] = []
    async for run in client.list_workflows():
        if run.id.startswith(tuple(runs)):
            history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
            found += [payload for event in history.events for payload in payloads_in(event)]
    return found


def found_in(payloads: list[Payload], needles: list[str]) -> list[str]:
    said = b"\n".join(payload.data for payload in payloads)
    return [needle for needle in needles if needle.encode() in said]
