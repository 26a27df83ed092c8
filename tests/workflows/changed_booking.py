"""One change of the booking process in its four stages, as docs/changing-a-workflow.md tells it.

The change: everybody sees the day before the patient is told, where it was both at once.
"""

from dataclasses import replace

from temporalio import workflow

from domain.booking import BookingRequest, Result, Status
from domain.events import appointment_confirmed
from workflows import steps
from workflows.book_appointment import BookAppointment

DAY_FIRST = "show-the-day-before-telling-the-patient"


class DayFirst(BookAppointment):
    """What the process is to become; the stages below are ways to get there."""

    async def _announce(self) -> None:
        if self._appointment.status is Status.CONFIRMED:
            await steps.show_change(self._appointment)
            await steps.publish(appointment_confirmed(self._appointment))
        else:
            await self._announce_as_before()

    async def _announce_as_before(self) -> None:
        await super()._announce()


@workflow.defn(name="BookAppointment")
class ChangedAtOnce(DayFirst):
    """Stage 0, the mistake: open bookings have it changed under their feet."""

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

    async def _announce(self) -> None:
        if workflow.patched(DAY_FIRST):
            await super()._announce()
        else:
            await self._announce_as_before()


@workflow.defn(name="BookAppointment")
class Deprecated(ChangedAtOnce):
    """Stage 2: no booking of the old way is open; those of stage 1 carry the mark of the patch."""

    @workflow.init
    def __init__(self, request: BookingRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: BookingRequest) -> Result:
        return await super().run(request)

    async def _announce(self) -> None:
        workflow.deprecate_patch(DAY_FIRST)
        await super()._announce()


@workflow.defn(name="BookAppointment")
class NewByDefault(BookAppointment):
    """The mistake with a new field of the input: where it is missing, it says the new thing."""

    @workflow.init
    def __init__(self, request: BookingRequest) -> None:
        super().__init__(replace(request, announces_locally=True))

    @workflow.run
    async def run(self, request: BookingRequest) -> Result:
        return await super().run(request)
