"""Readiness asks for what a booking needs."""

import gc

from temporalio.client import Client

from adapters.process.probes import both_answer
from tests.clinic_rows import Clinic


async def test_a_temporal_that_has_lost_the_namespace_is_not_ready(
    clinic: Clinic, stand_ins: Client
) -> None:
    """As one that began anew, or whose store is away while its front answers."""
    address = stand_ins.service_client.config.target_host
    nowhere = await Client.connect(address, namespace="lost")

    assert await both_answer(stand_ins, clinic.database)
    assert not await both_answer(nowhere, clinic.database)
    del nowhere
    gc.collect()
