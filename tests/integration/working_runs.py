"""Runs whose steps are taken at once, in the process that asks: what the desks do has an end."""

from dataclasses import replace
from uuid import UUID

from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.appointments import Appointments
from activities.imports import Imports
from activities.slots import Slots
from adapters.postgres.database import Database
from adapters.postgres.imports import stage
from adapters.temporal.client import TemporalConnection
from api.booking.attendance import Attendance
from api.booking.commands import Commands
from api.booking.exchange import Exchanges
from api.booking.hold import Bookings
from api.booking.move import Moves
from api.booking.run_summary import RunSummary
from api.booking.runs import Runs
from api.booking.temporal_errors import NoRun
from api.schedule.importing import Importing
from api.services import Services
from domain.actors import ActorRef
from domain.attendance import Settlement
from domain.booking import BookingRequest, Cancellation, Move, Outcome, Refusal, Status, asked_for
from domain.imports import Kind


class WorkingRuns(Runs):
    """A booking's steps by the product's activities, on the product's database."""

    def __init__(self, database: Database) -> None:
        self._slots = Slots(database)
        self._appointments = Appointments(database)
        self._begun: dict[UUID, BookingRequest] = {}

    async def hold(self, request: BookingRequest, *, summary: str) -> Outcome:
        assert summary
        self._begun[request.appointment_id] = request
        wish = asked_for(request, Status.HELD)
        try:
            held = await self._slots.hold_slot(request)
        except ApplicationError as error:
            code = error.type or ""
            return Outcome(
                attempt_id=request.attempt_id, appointment=wish, refusal=Refusal(code=code)
            )
        return Outcome(attempt_id=request.attempt_id, appointment=held.appointment)

    async def confirm(self, appointment_id: UUID, by: ActorRef | None = None) -> Outcome:
        request = self._begun.get(appointment_id)
        if request is None:
            raise NoRun
        asked = request if by is None else replace(request, actor=by)
        confirmed = await self._appointments.confirm_appointment(asked)
        return Outcome(attempt_id=request.attempt_id, appointment=confirmed)

    async def cancel(self, cancellation: Cancellation) -> Outcome:
        cancelled = await self._appointments.cancel_appointment(cancellation)
        return Outcome(attempt_id=cancellation.attempt_id, appointment=cancelled)

    async def give_up(
        self, _appointment_id: UUID, _reason: str, _by: ActorRef | None = None
    ) -> Outcome:
        raise NoRun

    async def extend(
        self, _appointment_id: UUID, _version: int, _by: ActorRef | None = None
    ) -> Outcome:
        raise NoRun

    async def move(self, move: Move) -> Outcome:
        moved = await self._appointments.move_appointment(move)
        return Outcome(attempt_id=move.attempt_id, appointment=moved)

    async def moving(self, _appointment_id: UUID, _version: int) -> Outcome:
        raise NoRun

    async def settle(self, settlement: Settlement) -> Outcome:
        marked = await self._appointments.settle_visit(settlement)
        return Outcome(attempt_id=settlement.attempt_id, appointment=marked)

    async def summary(self, _appointment_id: UUID) -> RunSummary:
        raise NoRun

    async def none_of(self, _appointment_id: UUID) -> None:
        """There is nothing to look for, and nobody who measures."""


class ImportingAtOnce(Importing):
    """A file is read before its import is answered for."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, TemporalConnection())
        self._rows = Imports(database)
        self._into = database

    async def begin(
        self, clinic_id: UUID, kind: Kind, content: bytes, actor: ActorRef, *, dry_run: bool
    ) -> UUID:
        import_id = await stage(
            self._into,
            clinic_id=clinic_id,
            kind=kind,
            dry_run=dry_run,
            content=content,
            actor=actor,
        )
        await ActivityEnvironment().run(self._rows.import_rows, import_id)
        return import_id


def at_work(services: Services, runs: WorkingRuns | None = None) -> Services:
    """The API with bookings, moves, exchanges and marks that come to an end at once."""
    database = services.database
    runs = runs or WorkingRuns(database)
    return replace(
        services,
        bookings=Bookings(database, runs, services.product, b"x" * 32, tell=services.changes.tell),
        commands=Commands(database, runs),
        moves=Moves(database, runs, b"x" * 32),
        exchanges=Exchanges(database, runs),
        attendance=Attendance(database, runs),
        importing=ImportingAtOnce(database),
    )
