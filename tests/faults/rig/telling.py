"""Events that come late: those that the audit announces in place of a run."""

import asyncio
import time
from dataclasses import replace

from tests.faults.rig import gather
from tests.faults.rig.evidence import Evidence
from tests.faults.rig.invariants import one_event_for_each_version


async def until_told(evidence: Evidence, topic: gather.Topic, *, last: float) -> Evidence:
    """The evidence with what has come since, when all is told or that instant has come.

    What died with Temporal's last word is announced by the audit, which has time to.
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
