"""No orchestrator: two transactions, and announcements that die with the process.

`python -m bench.peers.plain PORT`. A hold lapses by its row alone; nothing waits for the patient.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from bench.peers.front import serve, written
from bench.peers.steps import Steps, open_steps
from domain.booking import Appointment, BookingRequest


class Plain:
    """Answers as soon as PostgreSQL has; a crash loses what was yet to be announced."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._announcing: set[asyncio.Task[None]] = set()

    async def hold(self, request: BookingRequest) -> bytes:
        return written(await self._steps.hold(request))

    async def confirm(self, appointment_id: UUID) -> bytes:
        confirmed = await self._steps.confirm(appointment_id)
        task = asyncio.create_task(self._announce(confirmed))
        self._announcing.add(task)
        task.add_done_callback(self._announcing.discard)
        return written(confirmed)

    async def _announce(self, confirmed: Appointment) -> None:
        await asyncio.gather(self._steps.publish(confirmed), self._steps.invalidate(confirmed))


@asynccontextmanager
async def open_plain() -> AsyncIterator[Plain]:
    steps = await open_steps("bench-plain")
    yield Plain(steps)
    await steps.close()


if __name__ == "__main__":
    serve(open_plain, int(sys.argv[1]))
