"""One request to move a visit, and what its Idempotency-Key was answered before."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor, cursor
from adapters.postgres.move import made_before
from adapters.postgres.move_keys import KeptKey, MoveWish, bind_key, find_key, refuse_key
from adapters.postgres.reads import read_by_cursor
from api.booking.hold_order import ReplayedRefusal
from api.booking.idempotency import move_key_id_of
from domain.actors import Actor
from domain.booking import Appointment
from domain.errors import IdempotencyKeyReused, Refused, refused


@dataclass(frozen=True, kw_only=True)
class MoveOrder:
    """Where a visit of this version shall go; without a doctor it stays with its own."""

    appointment_id: UUID
    version: int
    starts_at: datetime
    by: Actor
    doctor_id: UUID | None = None
    reason: str | None = None
    key: str | None = None
    is_offered: bool = False
    """The clinic's own offer, which its rules do not bind."""

    @property
    def wish(self) -> MoveWish:
        return MoveWish(
            appointment_id=self.appointment_id,
            version=self.version,
            starts_at=self.starts_at,
            doctor_id=self.doctor_id,
            reason=self.reason,
        )


@dataclass(frozen=True, kw_only=True)
class Moved:
    """The answer to a move; `replayed` where it was given before."""

    appointment: Appointment
    replayed: bool = False


class MoveKeys:
    """A key is bound before its run begins. What was refused without a run binds none."""

    def __init__(self, database: Database, secret: bytes, previous: bytes | None = None) -> None:
        self._database = database
        self._secret = secret
        self._previous = previous

    async def answered(self, order: MoveOrder, visit: Appointment) -> Moved | None:
        """What this key was told before, if it was sent before and was told anything."""
        if order.key is None:
            return None
        secrets = (self._secret, self._previous) if self._previous else (self._secret,)
        ids = [self._id(order, order.key, visit, secret) for secret in secrets]

        async def look(connection: Cursor) -> Moved | None:
            found = [await find_key(connection, key_id) for key_id in ids]
            kept = next(filter(None, found), None)
            if kept is None:
                return None
            _check(order, kept)
            made = await made_before(connection, visit, order.wish)
            return None if made is None else Moved(appointment=made, replayed=True)

        return await read_by_cursor(self._database, look)

    async def bind(self, order: MoveOrder, visit: Appointment) -> None:
        """To be called as the last before the run is begun."""
        if order.key is not None:
            async with cursor(self._database) as connection:
                key_id = self._id(order, order.key, visit, self._secret)
                _check(order, await bind_key(connection, key_id, order.wish))

    async def refuse(self, order: MoveOrder, visit: Appointment, refusal: Refused) -> None:
        """So it is said again. A key that was never bound stays free."""
        if order.key is not None:
            async with cursor(self._database) as connection:
                key_id = self._id(order, order.key, visit, self._secret)
                await refuse_key(connection, key_id, refusal.refusal)

    @staticmethod
    def _id(order: MoveOrder, key: str, visit: Appointment, secret: bytes) -> UUID:
        return move_key_id_of(secret, visit.patient_id, key, sent_by=order.by)


def _check(order: MoveOrder, kept: KeptKey) -> None:
    """Raises where the key is another wish's, or where this one was refused."""
    if kept.wish != order.wish:
        raise IdempotencyKeyReused
    if kept.refusal is not None:
        raise ReplayedRefusal(refused(kept.refusal))
