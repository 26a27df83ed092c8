"""Names, phones and addresses of patients stay in PostgreSQL and in the messages themselves."""

from pathlib import Path

from redis.asyncio import Redis
from temporalio.client import Client

from tests.acceptance.conftest import Clinic, eventually
from tests.acceptance.watching import histories, records


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
    redis = Redis.from_url(clinic.state["redisUrl"] or "", decode_responses=True)
    keys = [key async for key in redis.scan_iter()]
    values = [str(await redis.get(key)) for key in keys]
    await redis.aclose()
    return keys + values


def logs(clinic: Clinic) -> list[Path]:
    return list(Path(clinic.state["logs"]).glob("*.log"))
