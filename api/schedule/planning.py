"""A doctor's plan over the one before: what it would do, and writing it."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.directory import whose_doctor
from adapters.postgres.plan_drafts import draft_of, drop_draft, keep_draft
from adapters.postgres.plan_rows import WrittenPlan
from adapters.postgres.plans import PlanOrder, Preview, preview_plan, write_plan
from adapters.postgres.reads import read, read_by_cursor
from adapters.postgres.transactions import serializable
from adapters.redis.day_changes import DayChanges
from api.http.actor import Caller
from api.http.plan_schemas import NewDraft, NewPlan
from domain.actors import ActorRef
from domain.errors import DoctorNotFound


@dataclass(frozen=True, kw_only=True)
class Planning:
    """The API and the pages write plans by this; each command asks whether its caller may."""

    database: Database
    changes: DayChanges
    horizon_days: int

    async def preview(self, doctor_id: UUID, wish: NewPlan, by: Caller) -> Preview:
        """What it would do; changes nothing. Raises `Changed` for a version that is outdated."""
        await self._allowed(doctor_id, by)
        return await preview_plan(self.database, self._order(doctor_id, wish))

    async def write(self, doctor_id: UUID, wish: NewPlan, by: Caller) -> WrittenPlan | Preview:
        """The preview where somebody is affected and its digest was not sent. Raises `Changed`."""
        actor = await self._allowed(doctor_id, by)
        written = await write_plan(self.database, self._order(doctor_id, wish), actor)
        if isinstance(written, WrittenPlan) and written.changed:
            self.changes.forget([(doctor_id, day) for day in written.changed])
        return written

    async def draft(self, doctor_id: UUID, by: Caller) -> WrittenPlan | None:
        """A plan that nobody can book by yet."""
        await self._allowed(doctor_id, by)
        return await read_by_cursor(self.database, partial(draft_of, doctor_id=doctor_id))

    async def keep(self, doctor_id: UUID, wish: NewDraft, by: Caller) -> WrittenPlan:
        """Raises `Changed` for a version that is outdated."""
        await self._allowed(doctor_id, by)

        async def work(connection: Cursor) -> WrittenPlan:
            return await keep_draft(connection, doctor_id, wish.plan(), version=wish.version)

        return await serializable(self.database, work)

    async def drop(self, doctor_id: UUID, by: Caller) -> None:
        await self._allowed(doctor_id, by)

        async def work(connection: Cursor) -> None:
            await drop_draft(connection, doctor_id)

        await serializable(self.database, work)

    async def _allowed(self, doctor_id: UUID, by: Caller) -> ActorRef:
        whose = await read(self.database, partial(whose_doctor, doctor_id=doctor_id))
        return by.check(whose, hidden=DoctorNotFound).ref

    def _order(self, doctor_id: UUID, wish: NewPlan) -> PlanOrder:
        return PlanOrder(
            doctor_id=doctor_id,
            plan=wish.plan(),
            version=wish.version,
            digest=wish.digest,
            horizon_days=self.horizon_days,
        )
