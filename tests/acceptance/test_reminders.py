"""A patient is reminded of an appointment that is near: on real servers, once by each channel."""

from datetime import UTC, datetime

import orjson
from temporalio.client import Client

from api.http.signatures import signature
from tests.acceptance.conftest import SETTINGS, Clinic, eventually
from tests.leaves import where_it_is_noon

NEAR = """
WITH wanted AS (
    SELECT clock_timestamp() + interval '1 day 2 seconds' AS starts_at, doctor_id FROM schedules
    WHERE id = %s
), on_duty AS (
    INSERT INTO shifts (doctor_id, during)
    SELECT w.doctor_id, unnest(
        tstzmultirange(tstzrange(w.starts_at, w.starts_at + interval '30 minutes'))
        - coalesce((SELECT range_agg(during) FROM shifts WHERE doctor_id = w.doctor_id), '{}')
    ) FROM wanted w
), awake AS (
    UPDATE patients SET time_zone = %s
    WHERE id = (SELECT patient_id FROM schedules WHERE id = %s)
)
UPDATE schedules s SET starts_at = w.starts_at, ends_at = w.starts_at + interval '30 minutes',
    overbook = true, confirmed_at = confirmed_at - interval '5 days'
FROM wanted w WHERE s.id = %s
RETURNING s.version
"""
"""Booked five days ago for a time that is a day away in two seconds, of a patient for whom it is
noon: other tests' visits are in nobody's way."""


async def test_a_patient_is_reminded_once_by_each_channel_a_day_before(
    clinic: Clinic, temporal_client: Client
) -> None:
    visit = await clinic.hold()
    await clinic.confirm(visit)
    [row] = await clinic.rows(NEAR, visit, where_it_is_noon(), visit, visit)

    await eventually(lambda: is_reminded(clinic, visit), within=90)

    told = [each for each in await clinic.messages_about(visit) if is_reminder(each)]
    assert sorted(each["channel"] for each in told) == ["email", "sms"]
    assert all(each["deliveries"] == 1 and "/v/" in each["text"] for each in told)
    run_id = f"remind-{visit}-{row['version']}-P1D"
    run = await temporal_client.get_workflow_handle(run_id).describe()
    assert run.workflow_type == "RemindPatient"

    [text] = [each["text"] for each in told if each["channel"] == "sms"]
    assert "STOP" in text or "СТОП" in text
    answers = [await replies(clinic, visit, "0", message_id) for message_id in ("1", "1", "2", "2")]
    assert answers == ["ask_again", "ask_again", "cancelled", "cancelled"]
    assert (await clinic.get(visit))["status"] == "cancelled"


async def replies(clinic: Clinic, visit: str, text: str, message_id: str) -> str:
    """What the gateway is told about the patient's text message; of ours if it ends so."""
    [patient] = await clinic.rows(
        "SELECT phone FROM patients p JOIN schedules s ON s.patient_id = p.id WHERE s.id = %s",
        visit,
    )
    said = {"messageId": f"{visit}-{message_id}", "from": patient["phone"], "text": text}
    body = orjson.dumps(said)
    key = SETTINGS["PRIYOM_RECEIPTS_KEY"].encode()
    signed = signature(key, "inbound", body, at=datetime.now(UTC))
    headers = {"Priyom-Signature": signed, "Content-Type": "application/json"}
    answer = await clinic.http.post("/api/v1/sms/inbound", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert visit[:8].upper() in answer.json()["reply"]
    return str(answer.json()["outcome"])


def is_reminder(message: dict[str, str]) -> bool:
    words = ("нужно другим", "другой пациент", "someone else needs", "another patient")
    return any(word in message["text"] for word in words)


async def is_reminded(clinic: Clinic, visit: str) -> bool:
    rows = await clinic.rows(
        "SELECT FROM notifications WHERE appointment_id = %s AND step = 'P1D'"
        " AND status IN ('sent', 'delivered')",
        visit,
    )
    return len(rows) == 2
