"""Exceptions from plans: what one would do, making it, withdrawing it; for API and pages."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from adapters.postgres.closing import Reshaping
from adapters.postgres.database import Database
from adapters.postgres.directory import clinic_of, find_clinic, whose_doctor
from adapters.postgres.exception_rows import MadeException
from adapters.postgres.exceptions import (
    Accepted,
    ExceptionOrder,
    make_exception,
    preview_exception,
)
from adapters.postgres.plans import Preview
from adapters.postgres.reads import read, read_by_cursor
from adapters.postgres.withdrawing import changed_days, find_exception, withdraw_exception
from adapters.redis.day_changes import DayChanges
from api.http.actor import Caller
from api.http.exception_schemas import NewException
from domain.actors import Actor
from domain.errors import ClinicNotFound, DoctorNotFound, ExceptionNotFound
from domain.permissions import Whose
from domain.zones import zone_named


@dataclass(frozen=True, kw_only=True)
class Of:
    """Whose plans: of one doctor, or of all of a clinic."""

    clinic_id: UUID | None = None
    doctor_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Exceptions:
    """Every command asks whether its caller may."""

    database: Database
    changes: DayChanges
    horizon_days: int

    async def preview(self, of: Of, wish: NewException, by: Caller) -> Preview:
        """What it would do; changes nothing. Raises `Over`."""
        order, _ = await self._allowed(of, wish, by)
        return await preview_exception(self.database, order)

    async def make(self, of: Of, wish: NewException, by: Caller) -> Accepted | Preview:
        """The preview where somebody is affected and its digest was not sent.

        Raises `Changed` for a digest that is no longer true, and `Over`.
        """
        order, actor = await self._allowed(of, wish, by)
        done = await make_exception(self.database, order, actor.ref)
        if isinstance(done, Accepted):
            await self._forget(order.clinic_id, done.reshaping)
        return done

    async def withdraw(self, exception_id: UUID, by: Caller) -> MadeException:
        """What is left of it is open again. Raises `VisitsAffected` for time that was added."""
        find = partial(find_exception, exception_id=exception_id)
        known = await read_by_cursor(self.database, find)
        actor = by.check(Whose(clinic_id=known.clinic_id), hidden=ExceptionNotFound)
        withdrawn = await withdraw_exception(
            self.database, exception_id, actor.ref, horizon_days=self.horizon_days
        )
        await self._forget(known.clinic_id, withdrawn.reshaping)
        return withdrawn.exception

    async def _allowed(
        self, of: Of, wish: NewException, by: Caller
    ) -> tuple[ExceptionOrder, Actor]:
        if of.doctor_id is not None:
            whose = await read(self.database, partial(whose_doctor, doctor_id=of.doctor_id))
            actor, clinic_id = by.check(whose, hidden=DoctorNotFound), whose.clinic_id
        else:
            whose, clinic_id = Whose(clinic_id=of.clinic_id), of.clinic_id
            if clinic_id is None or not await self._is_there(clinic_id):
                raise ClinicNotFound
            actor = by.check(whose, hidden=ClinicNotFound)
        assert clinic_id is not None  # noqa: S101 - a doctor has a clinic
        order = ExceptionOrder(
            clinic_id=clinic_id,
            doctor_id=of.doctor_id,
            what=wish.what(),
            reason=wish.reason,
            policy=wish.policy,
            digest=wish.digest,
        )
        return order, actor

    async def _is_there(self, clinic_id: UUID) -> bool:
        return await read(self.database, partial(clinic_of, clinic_id=clinic_id)) is not None

    async def _forget(self, clinic_id: UUID, reshaping: Reshaping | None) -> None:
        """Nobody is shown the old days from the cache; open pages learn of the change at once."""
        if reshaping is not None:
            clinic = await read(self.database, partial(find_clinic, clinic_id=clinic_id))
            self.changes.forget(changed_days(reshaping, zone_named(clinic.time_zone)))
