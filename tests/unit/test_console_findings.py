"""What `priyom why` says first of a broken booking, each broken by another fault."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.postgres.booking_search import Kept, Told
from adapters.postgres.visits import PatientVisit
from api.booking.run_summary import RunSummary
from api.booking.story import RunTold
from api.console.findings import findings
from api.console.known import InCache, Known
from api.console.telling import why
from domain.booking import Appointment, Result, Status
from tests.builders import MONDAY_NINE, an_appointment

CONFIRMED = an_appointment(status=Status.CONFIRMED, version=2, confirmed_at=MONDAY_NINE)
CANCELLED = replace(
    CONFIRMED, status=Status.CANCELLED, version=3, cancelled_at=MONDAY_NINE, reason="mistake"
)
MOVED = replace(CONFIRMED, moves=1, rescheduled_at=MONDAY_NINE)


def a_message(**changes: Any) -> Told:
    values: dict[str, Any] = {
        "id": uuid4(),
        "event_id": uuid4(),
        "audience": "doctor",
        "channel": "inbox",
        "kind": "confirmed",
        "status": "sent",
        "attempts": 1,
        "error": None,
        "instead_of": None,
        "created_at": MONDAY_NINE,
        "sent_at": MONDAY_NINE,
        "delivered_at": None,
        "read_at": None,
    }
    return Told(**(values | changes))


def a_run(status: str, workflow_type: str = "BookAppointment") -> RunTold:
    return RunTold(
        workflow_id="appointment-1",
        workflow_type=workflow_type,
        status=status,
        began_at=MONDAY_NINE,
        ended_at=None,
        details=None,
    )


def a_summary(result: Result | None) -> RunSummary:
    return RunSummary(
        appointment=an_appointment(), attempt_id=None, is_running=result is None, result=result
    )


def kept(appointment: Appointment, *messages: Told) -> Kept:
    visit = PatientVisit(
        appointment=appointment,
        doctor_name="Dr Kim",
        specialty="surgeon",
        clinic_name="Clinic",
        clinic_address="Street 1",
        clinic_phone="",
        time_zone="Europe/Moscow",
        lasts_seconds=0,
        now=MONDAY_NINE,
    )
    return Kept(visit=visit, origin="patient", extensions=0, messages=list(messages))


def known(appointment: Appointment | None, *messages: Told, **changes: Any) -> Known:
    values: dict[str, Any] = {
        "appointment_id": uuid4(),
        "kept": None if appointment is None else kept(appointment, *messages),
        "changes": [],
        "run": None,
        "runs": [a_run("completed")],
        "in_doubt": [],
        "lag": 0,
        "parked": [],
        "in_cache": InCache.NOTHING,
    }
    return Known(**(values | changes))


REFUSED = a_summary(Result(status=Status.REFUSED, code="slot_taken"))
LOST = a_summary(Result(status=Status.CONFIRMED))
TOLD = a_message()
VISIT = UUID("430890e4-0000-4000-8000-000000000001")

BROKEN = {
    "refused": (known(None, run=REFUSED), "refused with slot_taken"),
    "on its way": (known(None, run=a_summary(None)), "on its way"),
    "lost by a restore": (known(None, run=LOST), "the database was restored"),
    "never there": (known(None, runs=[]), "not known"),
    "no row, Temporal away": (known(None, runs=None), "Temporal does not answer"),
    "not confirmed": (
        known(an_appointment(), runs=[a_run("running")]),
        "the patient has not confirmed it",
    ),
    "a hold without its run": (
        known(an_appointment(), runs=[]),
        "No run waits",
    ),
    "dead letter": (known(CONFIRMED, parked=["forged"], in_doubt=["x"]), "dead letter, for forged"),
    "notice under way": (known(CONFIRMED, a_message(status="sending")), "the notice is sending"),
    "notifier one behind": (known(CONFIRMED, lag=1), "1 event yet to read"),
    "an offer without an answer": (
        known(an_appointment(), runs=[], offer_of=VISIT),
        f"offered to {VISIT}",
    ),
    "an offer that was taken": (
        known(an_appointment(status=Status.EXPIRED), offer_of=VISIT),
        f"`priyom why {VISIT}`",
    ),
    "lapsed": (known(an_appointment(status=Status.EXPIRED)), "did not confirm by"),
    "given up": (
        known(an_appointment(status=Status.CANCELLED, reason="other")),
        "given up before it was confirmed, for other",
    ),
    "cancelled": (known(CANCELLED, a_message(kind="cancelled")), "cancelled at 2027-01-11"),
    "moved": (known(MOVED, a_message(kind="rescheduled")), "was moved"),
    "Kafka away": (known(CONFIRMED, lag=None), "Kafka does not answer"),
    "Temporal away": (known(CONFIRMED, runs=None), "Temporal does not answer; the event"),
    "not published yet": (known(CONFIRMED, runs=[a_run("running")]), "about to publish"),
    "notifier behind": (known(CONFIRMED, lag=12), "12 events yet to read"),
    "event lost": (known(CONFIRMED, in_doubt=["confirmed"]), "the next audit publishes"),
    "forged or unreadable": (known(CONFIRMED), "priyom dead"),
    "told and not read": (known(CONFIRMED, TOLD), "has not read it yet"),
    "told and read": (known(CONFIRMED, a_message(read_at=MONDAY_NINE)), "has read it at 2027-01"),
    "cancelled, and nobody told": (known(CANCELLED, TOLD), "not been told that it is cancelled"),
    "letter failed": (
        known(
            CONFIRMED,
            TOLD,
            a_message(audience="patient", channel="email", status="failed", error="bad_address"),
        ),
        "letter to the patient failed: bad_address",
    ),
    "SMS under way": (
        known(CONFIRMED, a_message(audience="patient", channel="sms", status="sending")),
        "SMS is under way, after 1 try.",
    ),
    "consent withdrawn": (
        known(CONFIRMED, a_message(audience="patient", channel="sms", status="declined")),
        "withdrawn the consent",
    ),
    "overtaken": (
        known(CONFIRMED, a_message(audience="patient", channel="sms", status="superseded")),
        "the visit had changed before",
    ),
    "run failed": (known(CONFIRMED, TOLD, runs=[a_run("timed_out")]), "has timed out: look"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_the_fault_of_a_broken_booking_is_named(fault: str) -> None:
    booking, sentence = BROKEN[fault]

    found = findings(booking)

    assert sentence in " ".join(found)


@pytest.mark.parametrize("fault", BROKEN)
def test_the_whole_answer_names_nobody(fault: str) -> None:
    booking, _ = BROKEN[fault]

    told = list(why(booking))

    assert told[: len(findings(booking))] == findings(booking), "the answer comes first"
    assert {"row", "runs", "cache", "notifier"} <= set(told)
    assert "Dr Kim" not in " ".join(told)


@pytest.mark.parametrize("status", [Status.HELD, Status.EXPIRED, Status.CANCELLED])
def test_of_an_offer_nothing_is_said_that_is_so_of_a_hold_only(status: Status) -> None:
    told = " ".join(findings(known(an_appointment(status=status), runs=[], offer_of=VISIT)))

    for untrue in ("given up", "lapsed", "not confirmed", "No run waits", "audit"):
        assert untrue not in told
