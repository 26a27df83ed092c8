"""A clinic in memory for each appointment, behind one set of activities."""

from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from adapters.temporal.client import UNAVAILABLE
from domain.booking import Appointment, BookingRequest, Status
from tests.fakes.clinic import FakeClinic


class ChroniclingClinic(FakeClinic):
    """The clinic of one appointment: keeps the ends that its row had, and loses answers."""

    def __init__(self) -> None:
        super().__init__()
        self.ends_written: list[Status] = []
        self.answers_to_lose: Counter[str] = Counter()

    def _write(self, row: Appointment, **changes: Any) -> Appointment:
        written = super()._write(row, **changes)
        if written.status.is_final:
            self.ends_written.append(written.status)
        return written


class Clinics:
    """Many stories share a worker, and none of them another's calls and faults."""

    def __init__(self) -> None:
        self._of: dict[UUID, ChroniclingClinic] = {}

    def open_for(self, request: BookingRequest) -> ChroniclingClinic:
        return self._of.setdefault(request.appointment_id, ChroniclingClinic())

    @property
    def activities(self) -> list[Callable[..., Any]]:
        return [self._at_its_clinic(effect) for effect in FakeClinic().activities]

    def _at_its_clinic(self, effect: Callable[..., Any]) -> Callable[..., Any]:
        name = effect.__name__

        @wraps(effect, updated=())
        async def at_its_clinic(wish: Any) -> Any:
            appointment_id = getattr(wish, "appointment_id", None) or wish.request.appointment_id
            clinic = self._of[appointment_id]
            done = await getattr(clinic, name)(wish)
            if clinic.answers_to_lose[name]:
                clinic.answers_to_lose[name] -= 1
                raise ApplicationError("it was done, and the answer was lost", type=UNAVAILABLE)
            return done

        return activity.defn(at_its_clinic)
