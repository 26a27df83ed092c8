"""A database that was restored knows less than the runs do: the row decides all the same."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from adapters.postgres.database import Database
from adapters.postgres.days import DayBook
from adapters.process.settings import product
from api.booking.commands import Commands
from api.booking.hold import Bookings
from api.booking.move import Moves
from api.booking.move_order import MoveOrder
from api.booking.run_summary import RunSummary
from api.booking.runs import Runs
from api.booking.temporal_errors import NoAnswer, NoRun
from domain.actors import ANYONE, Actor, ActorRef, Role
from domain.booking import Appointment, BookingRequest, Cancellation, Outcome, Result, Status
from domain.errors import AppointmentNotFound
from tests.builders import SECRET, an_appointment
from tests.clinic_rows import DAY, Clinic, at, open_clinic
from tests.integration.audit_rows import scratch_database

BEFORE_THE_RESTORE = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class RunsThatRemember(Runs):
    """Runs that answer each command with what they have done before the restore."""

    told: Appointment
    cancelled_by_row: list[UUID] = field(default_factory=list)

    async def hold(self, _request: BookingRequest, *, summary: str) -> Outcome:
        assert summary
        return self._outcome(replace(self.told, status=Status.HELD, version=1))

    async def confirm(self, _appointment_id: UUID, _by: ActorRef | None = None) -> Outcome:
        return self._outcome(self.told)

    async def give_up(
        self, _appointment_id: UUID, _reason: str, _by: ActorRef | None = None
    ) -> Outcome:
        if self.told.status is not Status.CANCELLED:
            raise NoRun
        return self._outcome(self.told)

    async def extend(
        self, _appointment_id: UUID, _version: int, _by: ActorRef | None = None
    ) -> Outcome:
        return self._outcome(replace(self.told, status=Status.HELD))

    async def cancel(self, cancellation: Cancellation) -> Outcome:
        self.cancelled_by_row.append(cancellation.appointment_id)
        return self._outcome(replace(self.told, status=Status.CANCELLED))

    async def summary(self, _appointment_id: UUID) -> RunSummary:
        return RunSummary(
            appointment=self.told,
            attempt_id=uuid4(),
            is_running=False,
            result=Result(status=self.told.status),
        )

    def _outcome(self, appointment: Appointment) -> Outcome:
        return Outcome(attempt_id=uuid4(), appointment=appointment)


def the_visit(clinic: Clinic, patient: UUID, **changes: object) -> Appointment:
    """As its run has it: confirmed after the backup."""
    visit = an_appointment(
        status=Status.CONFIRMED,
        patient_id=patient,
        doctor_id=clinic.doctor_id,
        clinic_id=clinic.id,
        starts_at=at("09:00"),
        version=2,
        confirmed_at=BEFORE_THE_RESTORE,
    )
    return replace(visit, **changes)  # type: ignore[arg-type] # by name, as the builder has it


@pytest.mark.parametrize("command", ["find", "confirm", "cancel", "extend", "move"])
@pytest.mark.parametrize("ended", [Status.CONFIRMED, Status.CANCELLED])
async def test_a_visit_whose_row_is_lost_is_not_told_as_its_run_ended(
    clinic: Clinic, command: str, ended: Status
) -> None:
    lost = the_visit(clinic, await clinic.patient(), status=ended)
    runs = RunsThatRemember(lost)
    commands, visit = Commands(clinic.database, runs), lost.appointment_id
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "find": lambda: commands.find(visit, ANYONE),
        "confirm": lambda: commands.confirm(visit, ANYONE),
        "cancel": lambda: commands.cancel(visit, "mistake", by=ANYONE),
        "extend": lambda: commands.extend(visit, 1, ANYONE),
        "move": lambda: Moves(clinic.database, runs, SECRET).move(
            MoveOrder(appointment_id=visit, version=2, starts_at=at("10:00"), by=ANYONE)
        ),
    }

    with pytest.raises(NoAnswer):
        await asked[command]()


async def test_a_stranger_is_told_of_a_lost_visit_what_is_told_of_none(clinic: Clinic) -> None:
    lost = the_visit(clinic, await clinic.patient())
    stranger = Actor(subject="eve", roles=frozenset({Role.PATIENT}), patient_id=uuid4())

    with pytest.raises(AppointmentNotFound):
        await Commands(clinic.database, RunsThatRemember(lost)).find(lost.appointment_id, stranger)


async def test_a_hold_that_came_back_is_not_said_to_be_what_it_became_after_the_backup(
    clinic: Clinic,
) -> None:
    patient = await clinic.patient()
    hold = await clinic.hold(at("09:00"), patient_id=patient)
    confirmed = RunsThatRemember(the_visit(clinic, patient, appointment_id=hold))
    cancelled = RunsThatRemember(
        the_visit(clinic, patient, appointment_id=hold, status=Status.CANCELLED)
    )

    for ask in (
        Commands(clinic.database, confirmed).confirm(hold, ANYONE),
        Commands(clinic.database, confirmed).extend(hold, 1, ANYONE),
    ):
        with pytest.raises(NoAnswer):
            await ask
    await Commands(clinic.database, cancelled).cancel(hold, "mistake", by=ANYONE)

    assert cancelled.cancelled_by_row == [hold], "the word of its run is not enough"


async def test_a_key_whose_hold_is_lost_is_answered_with_no_hold(clinic: Clinic) -> None:
    patient = await clinic.patient()
    runs = RunsThatRemember(the_visit(clinic, patient))
    bookings = Bookings(clinic.database, runs, product(), SECRET, tell=lambda *_: None)

    with pytest.raises(NoAnswer):
        await bookings.hold(patient, clinic.doctor_id, at("09:00"), "a key", by=ANYONE)
    await clinic.book(at("09:00"))  # it is given to somebody else
    with pytest.raises(NoAnswer):
        await bookings.hold(patient, clinic.doctor_id, at("09:00"), "a key", by=ANYONE)


async def test_a_change_after_a_restore_repeats_no_version_of_a_day(
    clinic_database: Database,
) -> None:
    async with scratch_database(clinic_database) as backup:
        clinic = await open_clinic(backup)
        hold = await clinic.hold(at("09:00"), patient_id=await clinic.patient())
        await backup.close()
        name = backup.url.rpartition("/")[2]
        async with (
            scratch_database(clinic_database, template=name) as lived_on,
            scratch_database(clinic_database, template=name) as restored,
        ):
            first = await versions_while(replace(clinic, database=lived_on), hold, "cancelled")
            second = await versions_while(replace(clinic, database=restored), hold, "confirmed")

    assert first[0] == second[0], "a copy is the same day"
    assert len({*first, *second}) == 5


async def versions_while(clinic: Clinic, hold: UUID, becomes: str) -> list[str]:
    """Of the day: as it is, after a change of a row, after a change of a shift."""
    book, seen = DayBook(clinic.database), []
    for statement in (
        "SELECT",
        f"UPDATE schedules SET status = '{becomes}' WHERE id = '{hold}'",  # noqa: S608 - our own words
        "UPDATE shifts SET state = 'closing'",
    ):
        await clinic.execute(statement)
        seen.append((await book.version(clinic.doctor_id, DAY)).version)
    return seen
