"""One change of the booking process in its stages, as docs/changing-a-workflow.md tells it.

The change: the patient is told before everybody sees the day, where it was the other way round.
"""

from temporalio import workflow

from domain.booking import Appointment, BookingRequest, Result
from domain.events import AppointmentEvent
from workflows.book_appointment import BookAppointment
from workflows.tell_everybody import change_of, tell_operations, word_of

PATIENT_FIRST = "tell-the-patient-before-showing-the-day"


class PatientFirst(BookAppointment):
    """What the process is to become; the stages below are ways to get there."""

    async def _tell(self, appointment: Appointment, event: AppointmentEvent | None) -> None:
        if event is None:
            await self._tell_as_before(appointment, event)
            return
        tell_operations(appointment)
        for news in (word_of(event), change_of(appointment)):
            if not await news.is_made_here():
                await news.make()

    async def _tell_as_before(
        self, appointment: Appointment, event: AppointmentEvent | None
    ) -> None:
        await super()._tell(appointment, event)


@workflow.defn(name="BookAppointment")
class ChangedAtOnce(PatientFirst):
    """The new order and nothing else: right for a new pinned build, wrong under open bookings."""

    @workflow.init
    def __init__(self, request: BookingRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: BookingRequest) -> Result:
        return await super().run(request)


@workflow.defn(name="BookAppointment")
class Patched(ChangedAtOnce):
    """Stage 1: open bookings end as they began, new ones go the new way."""

    @workflow.init
    def __init__(self, request: BookingRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: BookingRequest) -> Result:
        return await super().run(request)

    async def _tell(self, appointment: Appointment, event: AppointmentEvent | None) -> None:
        if workflow.patched(PATIENT_FIRST):
            await super()._tell(appointment, event)
        else:
            await self._tell_as_before(appointment, event)


@workflow.defn(name="BookAppointment")
class Deprecated(ChangedAtOnce):
    """Stage 2: no booking of the old way is open; those of stage 1 carry the mark of the patch."""

    @workflow.init
    def __init__(self, request: BookingRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: BookingRequest) -> Result:
        return await super().run(request)

    async def _tell(self, appointment: Appointment, event: AppointmentEvent | None) -> None:
        workflow.deprecate_patch(PATIENT_FIRST)
        await super()._tell(appointment, event)
