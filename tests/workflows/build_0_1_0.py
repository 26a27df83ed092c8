"""The workflows as build 0.1.0 had them, for the histories that it left in tests/histories.

Build 0.1.0 announced from the queue, patient and doctor first; only a booking that its worker had
begun beside itself was announced here first, as every command of a later build is. Its histories
of the other kind would not replay with the code of today.
"""

import asyncio

from temporalio import workflow

from domain.booking import Appointment, BookingRequest, Cancellation, Result, Status
from domain.events import AppointmentEvent
from workflows.book_appointment import BookAppointment
from workflows.cancel_appointment import CancelAppointment
from workflows.tell_everybody import change_of, tell_operations, word_of


class FromTheQueue:
    """The announcing of build 0.1.0."""

    async def _tell(self, appointment: Appointment, event: AppointmentEvent | None) -> None:
        tell_operations(appointment)
        if appointment.status is Status.REFUSED:
            return
        news = [*([word_of(event)] if event else []), change_of(appointment)]
        await asyncio.gather(*(each.make() for each in news))


@workflow.defn(name="BookAppointment", sandboxed=False)
class BookAppointmentOfBuild010(FromTheQueue, BookAppointment):
    """The same booking, told from the queue."""

    @workflow.init
    def __init__(self, request: BookingRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: BookingRequest) -> Result:
        return await super().run(request)


@workflow.defn(name="CancelAppointment", sandboxed=False)
class CancelAppointmentOfBuild010(FromTheQueue, CancelAppointment):
    """The same cancellation, told from the queue."""

    @workflow.init
    def __init__(self, cancellation: Cancellation) -> None:
        super().__init__(cancellation)

    @workflow.run
    async def run(self, cancellation: Cancellation) -> Result:
        return await super().run(cancellation)
