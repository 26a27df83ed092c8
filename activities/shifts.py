"""Shifts: what doctors' plans say is published ahead."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from structlog import get_logger
from temporalio import activity

from activities.refusals import told_to_temporal
from adapters.postgres.database import Database
from adapters.postgres.publishing import planned_doctors, republish
from domain.plan import Published, PublishOrder

DOCTORS_A_LOOK = 200
AT_ONCE = 2
"""Doctors: while the database works for one, this process reckons for the other."""

BEFORE_ALL = UUID(int=0)

log = get_logger(__name__)


class Shifts:
    """Effects on what can be booked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def publish_shifts(self, order: PublishOrder) -> Published:
        """Idempotent: what is as the plans say is left alone. One transaction a doctor.

        A further try goes on behind the last doctor that the one before has told of.
        """
        told = activity.info().heartbeat_details
        after, doctors, changed, shifts = told or (str(BEFORE_ALL), 0, 0, 0)
        with told_to_temporal():
            async for some in self._planned(order, UUID(after)):
                sizes = await asyncio.gather(
                    *(republish(self._database, each, order.horizon_days) for each in some)
                )
                doctors, shifts = doctors + len(some), shifts + sum(sizes)
                changed += sum(map(bool, sizes))
                activity.heartbeat(str(some[-1]), doctors, changed, shifts)
        published = Published(doctors=doctors, changed=changed, shifts=shifts)
        log.info("shifts_were_published", doctors=doctors, changed=changed, shifts=shifts)
        return published

    async def _planned(self, order: PublishOrder, after: UUID) -> AsyncIterator[list[UUID]]:
        while found := await planned_doctors(
            self._database, after=after, limit=DOCTORS_A_LOOK, clinic_id=order.clinic_id
        ):
            for first in range(0, len(found), AT_ONCE):
                yield found[first : first + AT_ONCE]
            after = found[-1]
