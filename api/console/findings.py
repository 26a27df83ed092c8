"""What is the matter with an appointment, said in sentences: the most telling one first."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from adapters.postgres.booking_search import Told
from api.console.known import Known
from domain.booking import Appointment, Status

CHANNELS = {"email": "letter", "sms": "SMS", "inbox": "notice"}


def findings(known: Known) -> list[str]:
    """For the person on call; nobody is named."""
    row = known.row
    if row is None:
        return [_why_no_row(known)]
    found = [_state(row) if known.offer_of is None else _of_offer(row, known.offer_of)]
    if row.status.was_confirmed or row.confirmed_at is not None:
        found += _of_doctor(known, row)
    return [*found, *_of_messages(known), *_of_run(known, row)]


def _why_no_row(known: Known) -> str:
    if known.runs is None:
        return "It has no row, and Temporal does not answer: nobody can say what became of it."
    if known.run is None:
        return "It is not known: no row, and no run that Temporal still keeps."
    if known.run.had_a_row:
        return (
            "It was held once, and its row is lost: the database was restored. Call the patient "
            "(docs/runbook.md, Visits that a restore took away)."
        )
    if known.run.result is None:
        return "It is on its way: its run has not held the slot yet."
    return f"It was never held: the run was refused with {known.run.refusal.code}."


def _state(row: Appointment) -> str:
    match row.status:
        case Status.HELD:
            return f"It is held until {_at(row.held_until)}: the patient has not confirmed it."
        case Status.EXPIRED:
            return f"It has lapsed: the patient did not confirm by {_at(row.held_until)}."
        case Status.CANCELLED if row.confirmed_at is None:
            return f"It was given up before it was confirmed, for {row.reason or 'no reason'}."
        case Status.CANCELLED:
            return f"It was cancelled at {_at(row.cancelled_at)}, for {row.reason or 'no reason'}."
        case Status.CONFIRMED if row.moves:
            return f"It is confirmed and was moved, last at {_at(row.rescheduled_at)}."
        case status:
            return f"It is {status.value}: the visit stands since {_at(row.confirmed_at)}."


def _of_offer(row: Appointment, visit_id: UUID) -> str:
    if row.status is Status.HELD:
        until = _at(row.held_until)
        return f"It is a time offered to {visit_id}, kept until {until}: no answer yet."
    return (
        f"It is an offer to {visit_id}, and over: `priyom why {visit_id}` says what became of it."
    )


def _of_doctor(known: Known, row: Appointment) -> Iterator[str]:
    """Whether the doctor knows; if not, where word of it is stuck."""
    wanted = "cancelled" if row.status is Status.CANCELLED else "confirmed"
    if row.moves and row.status is not Status.CANCELLED:
        wanted = "rescheduled"
    notices = [each for each in _messages(known) if each.audience == "doctor"]
    told = next((each for each in notices if each.kind == wanted), None)
    if told is not None and told.status != "sent":
        yield f"The doctor has not been told that it is {wanted}: the notice is {told.status}."
        return
    if told is not None:
        read = f"has read it at {_at(told.read_at)}" if told.read_at else "has not read it yet"
        yield f"The doctor was told at {_at(told.sent_at or told.created_at)} and {read}."
        return
    yield f"The doctor has not been told that it is {wanted}: {_where_stuck(known)}"


def _where_stuck(known: Known) -> str:
    nowhere = "no event is under way. Look among the records nobody could read: `priyom dead`."
    return next(_obstacles(known), nowhere)


def _obstacles(known: Known) -> Iterator[str]:
    """In the order in which they hold up what comes after them."""
    if known.lag is None:
        yield "Kafka does not answer; the event follows when it is back."
    if known.runs is None:
        yield "Temporal does not answer; the event follows when it is back."
    if any(run.status == "running" and _announces(run.workflow_type) for run in known.runs or ()):
        yield "its run is still about to publish the event."
    if known.parked:
        yield f"its event is a dead letter, for {known.parked[-1]}: `priyom dead`."
    if known.lag:
        yield f"the notifier has {_many(known.lag, 'event', 'events')} yet to read."
    if known.in_doubt:
        yield "the event is lost; the next audit publishes it again."


def _announces(workflow_type: str) -> bool:
    return workflow_type in {"BookAppointment", "CancelAppointment"}


def _of_messages(known: Known) -> Iterator[str]:
    """Those that the patient has not got, and why."""
    for each in _messages(known):
        way = f"The {each.kind} {CHANNELS.get(each.channel, each.channel)}"
        match each.status:
            case "failed":
                yield f"{way} to the {each.audience} failed: {each.error or 'no reason given'}."
            case "sending":
                yield f"{way} is under way, after {_many(each.attempts, 'try', 'tries')}."
            case "declined":
                yield f"{way} was not sent: the patient has withdrawn the consent."
            case "superseded":
                yield f"{way} was not sent: the visit had changed before."
            case _:
                continue


def _of_run(known: Known, row: Appointment) -> Iterator[str]:
    if known.runs is None:
        yield "Temporal does not answer."
        return
    ended_badly = {"failed", "terminated", "timed_out"}
    for run in known.runs:
        if run.status in ended_badly:
            yield f"The run {run.workflow_id} has {run.status.replace('_', ' ')}: look at it."
    if known.offer_of is not None:
        return  # the run of its campaign waits for the answer
    if row.status is Status.HELD and not any(run.status == "running" for run in known.runs):
        yield "No run waits for the patient any more: the next audit gives the slot back."


def _messages(known: Known) -> list[Told]:
    return known.kept.messages if known.kept else []


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def _at(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC" if instant else "an unknown time"
