"""A key is bound by the whole body of its booking: on top of others or not, with which reason."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.postgres.booking_facts import terms_at_first
from adapters.postgres.database import Database
from adapters.postgres.reads import read_by_cursor
from adapters.process.settings import product
from api.booking.hold import Bookings
from api.booking.hold_order import ReplayedRefusal
from api.booking.run_summary import RunSummary
from domain.actors import ANYONE
from domain.booking import BookingRequest, Outcome, Refusal, Result, Status, Terms, asked_for
from domain.errors import IdempotencyKeyReused, SlotTaken
from tests.clinic_rows import Clinic, at
from tests.fakes.issuer import FakeIssuer
from tests.integration.working_runs import WorkingRuns

TAKEN = Refusal(code=SlotTaken.code)
SECRET = b"s" * 32


@dataclass(frozen=True)
class Reception:
    """Somebody at the reception, who books for one patient by one key."""

    http: httpx.AsyncClient
    head: dict[str, str]
    body: dict[str, Any]

    async def book(self, **more: object) -> httpx.Response:
        return await self.http.post("/appointments", json=self.body | more, headers=self.head)


@pytest.fixture
async def reception(
    signed_in_working_api: str, issuer: FakeIssuer, clinic: Clinic
) -> AsyncIterator[Reception]:
    at_clinic = [str(clinic.id)]
    token = issuer.token("e1", sub=f"r-{uuid4()}", roles=["reception"], clinic_ids=at_clinic)
    body = {
        "patientId": str(await clinic.patient()),
        "doctorId": str(clinic.doctor_id),
        "dateTime": at("09:00").isoformat(),
    }
    head = {"authorization": f"Bearer {token}", "idempotency-key": f"key-{uuid4()}"}
    async with httpx.AsyncClient(base_url=signed_in_working_api, timeout=20) as http:
        yield Reception(http, head, body)


@pytest.mark.parametrize("first", [{}, {"overbook": True, "reason": "mistake"}])
@pytest.mark.parametrize("change", [{"overbook": True}, {"overbook": False}, {"reason": "other"}])
async def test_a_hold_is_not_told_again_to_another_overbooking_or_reason(
    reception: Reception, first: dict[str, object], change: dict[str, object]
) -> None:
    held = await reception.book(**first)
    another = await reception.book(**first | change)
    again = await reception.book(**first)

    asked = {"overbook": False} | first
    expected = 201 if asked | change == asked else 422
    assert another.status_code == expected, another.text
    assert (held.status_code, again.text) == (201, held.text)
    assert again.headers["idempotent-replayed"] == "true"


async def test_of_a_visit_that_was_moved_the_reason_alone_is_known(
    reception: Reception, clinic: Clinic
) -> None:
    held = await reception.book(overbook=True, reason="mistake")
    await clinic.becomes(UUID(held.json()["appointmentId"]), "confirmed")
    await clinic.execute(
        "UPDATE schedules SET starts_at = :at, ends_at = :end, overbook = false,"
        " version = version + 1 WHERE id = :id",
        at=at("10:00"),
        end=at("10:30"),
        id=UUID(held.json()["appointmentId"]),
    )

    again = await reception.book(overbook=True, reason="mistake")
    another = await reception.book(overbook=True, reason="other")

    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert (another.status_code, another.json()["code"]) == (422, "idempotency_key_reused")


async def test_what_is_not_in_the_history_is_not_known(clinic: Clinic) -> None:
    visit = await clinic.book(at("09:00"))

    async def asked(appointment_id: UUID) -> Terms | None:
        return await read_by_cursor(
            clinic.database, lambda cursor: terms_at_first(cursor, appointment_id)
        )

    assert await asked(uuid4()) is None
    assert await asked(visit) == Terms(overbook=False, reason=None)


class RunsThatWereRefused(WorkingRuns):
    """Each was begun by another call, on top of others or not, and came to nothing."""

    def __init__(self, database: Database, terms: Terms | None) -> None:
        super().__init__(database)
        self._terms = terms
        self.asked: BookingRequest | None = None

    async def hold(self, request: BookingRequest, *, summary: str) -> Outcome:
        assert summary
        self.asked = request
        wish = asked_for(request, Status.REFUSED)
        return Outcome(attempt_id=uuid4(), appointment=wish, refusal=TAKEN)

    async def summary(self, _appointment_id: UUID) -> RunSummary:
        assert self.asked is not None
        return RunSummary(
            appointment=asked_for(self.asked, Status.REFUSED),
            attempt_id=uuid4(),
            is_running=False,
            result=Result(status=Status.REFUSED, code=TAKEN.code, refusal=TAKEN),
            terms=self._terms,
        )


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        (Terms(overbook=False, reason=None), ReplayedRefusal),
        (None, ReplayedRefusal),
        (Terms(overbook=True, reason=None), IdempotencyKeyReused),
        (Terms(overbook=False, reason="other"), IdempotencyKeyReused),
    ],
    ids=["the same body", "of an older build", "on top of others", "another reason"],
)
async def test_a_refusal_is_told_again_to_the_same_body_alone(
    clinic: Clinic, terms: Terms | None, told: type[Exception]
) -> None:
    runs, patient = RunsThatWereRefused(clinic.database, terms), await clinic.patient()
    bookings = Bookings(clinic.database, runs, product(), SECRET, tell=lambda *_: None)

    async def book() -> None:
        await bookings.hold(patient, clinic.doctor_id, at("09:00"), "a key", by=ANYONE)

    with pytest.raises(told):  # the run is there already
        await book()
    await clinic.book(at("09:00"))
    with pytest.raises(told):  # it need not be begun, since the slot is taken by now
        await book()
