"""What a run, a topic and a log hold, read from outside."""

from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer
from temporalio.client import Client

from tests.acceptance.conftest import Clinic

TOPIC = "priyom.appointments"


async def records(clinic: Clinic, topic: str = TOPIC) -> list[bytes]:
    """Every record of the topic so far."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=clinic.state["kafkaBootstrapServers"],
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        partitions = list(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        found: list[bytes] = []
        while any([await consumer.position(p) < ends[p] for p in partitions]):
            batches = await consumer.getmany(timeout_ms=500)
            found += [record.value for batch in batches.values() for record in batch]
        return found
    finally:
        await consumer.stop()


async def records_about(clinic: Clinic, appointment_id: str) -> list[bytes]:
    return [record for record in await records(clinic) if appointment_id.encode() in record]


async def result_of(client: Client, workflow_id: str) -> str:
    """The status in which a run ended."""
    result: dict[str, Any] = await client.get_workflow_handle(workflow_id).result()
    return str(result["status"])


async def histories(client: Client) -> AsyncIterator[str]:
    """Every run of the namespace with all its payloads, decoded to text."""
    async for run in client.list_workflows():
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        history = await handle.fetch_history()
        yield "\n".join(str(event) for event in history.events)
