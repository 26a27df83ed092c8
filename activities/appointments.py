"""Appointments: confirmed, moved and cancelled. One call is one transaction."""

from temporalio import activity

from activities.refusals import told_to_temporal
from adapters.postgres import attendance, cancel, end, move
from adapters.postgres.database import Database
from adapters.postgres.transactions import TransactionLimit
from domain.attendance import Settlement
from domain.booking import Appointment, BookingRequest, Cancellation, Confirmation, Move

CONCURRENT_MOVES = 4
"""As for holds: more of them only cause more serialization conflicts."""


class Appointments:
    """Effects on visits: rows of Schedules that a patient has confirmed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = TransactionLimit(CONCURRENT_MOVES)

    @activity.defn
    async def confirm_appointment(self, request: BookingRequest) -> Confirmation:
        """Idempotent: a second run finds the appointment confirmed."""
        with told_to_temporal():
            confirmed = await end.confirm_appointment(
                self._database, request.appointment_id, request.actor
            )
        return Confirmation(**vars(confirmed))

    @activity.defn
    async def cancel_appointment(self, cancellation: Cancellation) -> Appointment:
        """Idempotent: a second run finds the appointment cancelled."""
        with told_to_temporal():
            return await cancel.cancel_appointment(self._database, cancellation)

    @activity.defn
    async def move_appointment(self, wish: Move) -> Appointment:
        """Idempotent: a second run finds the move that the first one made."""
        with told_to_temporal():
            return await move.move_appointment(self._database, self._turns, wish)

    @activity.defn
    async def settle_visit(self, settlement: Settlement) -> Appointment:
        """Idempotent: a second run finds the mark that the first one made."""
        with told_to_temporal():
            return await attendance.settle_visit(self._database, settlement)
