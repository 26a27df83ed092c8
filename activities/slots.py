"""Slots of doctors: held, extended, released. One call is one transaction."""

from temporalio import activity

from activities.refusals import told_to_temporal
from adapters.postgres import end, take
from adapters.postgres.alternatives import free_alternatives
from adapters.postgres.database import Database
from adapters.postgres.transactions import TransactionLimit
from domain.booking import BookingRequest, Extension, Hold, Refusal, Release
from domain.errors import NotASlot, Refused, SlotTaken

CONCURRENT_HOLDS = 4
"""Concurrent hold transactions. More of them only cause more serialization conflicts."""


class Slots:
    """Effects on the slots of one clinic's doctors."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = TransactionLimit(CONCURRENT_HOLDS)

    @activity.defn
    async def hold_slot(self, request: BookingRequest) -> Hold:
        """Idempotent: a second run finds its own row."""
        with told_to_temporal():
            try:
                return await take.hold_slot(self._database, self._turns, request)
            except (SlotTaken, NotASlot) as refused:
                raise await self._with_alternatives(refused, request) from None

    @activity.defn
    async def extend_hold(self, extension: Extension) -> Hold:
        """Idempotent: a second run finds the version that the first one made."""
        with told_to_temporal():
            return await take.extend_hold(self._database, extension)

    @activity.defn
    async def release_slot(self, release: Release) -> Hold:
        """Idempotent: a second run finds nothing to release."""
        with told_to_temporal():
            return await end.release_slot(self._database, release)

    async def _with_alternatives(self, refused: Refused, request: BookingRequest) -> Refused:
        async with self._database.connect() as connection:
            free = await free_alternatives(
                connection,
                patient_id=request.patient_id,
                doctor_id=request.doctor_id,
                starts_at=request.starts_at,
                service_id=request.service_id,
            )
        return type(refused)(Refusal(code=refused.code, alternatives=free))
