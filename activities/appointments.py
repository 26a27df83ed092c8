"""Appointments: confirmed and cancelled. One call is one transaction."""

from temporalio import activity

from activities.refusals import told_to_temporal
from adapters.postgres import cancel, end
from adapters.postgres.database import Database
from domain.booking import Appointment, BookingRequest, Cancellation


class Appointments:
    """Effects on visits: rows of Schedules that a patient has confirmed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def confirm_appointment(self, request: BookingRequest) -> Appointment:
        """Idempotent: a second run finds the appointment confirmed."""
        with told_to_temporal():
            return await end.confirm_appointment(self._database, request.appointment_id)

    @activity.defn
    async def cancel_appointment(self, cancellation: Cancellation) -> Appointment:
        """Idempotent: a second run finds the appointment cancelled."""
        with told_to_temporal():
            return await cancel.cancel_appointment(self._database, cancellation)
