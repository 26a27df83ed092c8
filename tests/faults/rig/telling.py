"""Late events: those that the audit publishes instead of a run."""

import asyncio
import time
from dataclasses import replace

from tests.faults.rig import gather
from tests.faults.rig.evidence import Evidence
from tests.faults.rig.invariants import one_event_for_each_version


async def until_told(evidence: Evidence, topic: gather.Topic, *, last: float) -> Evidence:
    """The evidence with late events: returns when all events came, or at that instant.

    If a run died before its event, the audit publishes it later.
    """
    while one_event_for_each_version(evidence).wrong and time.time() < last:
        await asyncio.sleep(1)
        records = await topic.records()
        late = [e for e in gather.events_in(records) if e.appointment_id in evidence.bookings]
        evidence = replace(
            evidence,
            events=[*evidence.events, *late],
            leaks=[*evidence.leaks, *gather.leaks({"Kafka": records})],
        )
    return evidence
