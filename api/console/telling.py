"""What is known, as lines on a terminal: ids and instants, and nobody's name."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from adapters.postgres.campaign_rows import Campaign, CampaignVisit
from adapters.postgres.console import CampaignBegun
from adapters.postgres.trail import Change
from api.booking.story import Line, lines_of
from api.console.findings import findings
from api.console.known import Known
from domain.booking import Appointment


def why(known: Known) -> Iterator[str]:
    """The answer first, then what it was concluded from."""
    yield from findings(known)
    yield ""
    yield "row"
    yield from show(known.row) if known.row else ("  none",)
    yield from _told("history", [_change(each) for each in known.changes])
    lines = lines_of(known.kept) if known.kept else []
    yield from _told("what happened", [_line(each) for each in lines])
    yield from _runs(known)
    yield from _told("events that nobody was seen to receive", known.in_doubt)
    behind = "Kafka does not answer" if known.lag is None else f"{known.lag} events behind"
    yield from _told("notifier", [behind])
    yield from _told("dead letters", known.parked)
    yield from _told("cache", [known.in_cache.value])


def show(appointment: Appointment) -> Iterator[str]:
    for name, value in vars(appointment).items():
        if value is not None:
            told = at(value) if isinstance(value, datetime) else value
            yield f"  {name.replace('_', ' '):<18} {told}"


def history(changes: Sequence[Change]) -> Iterator[str]:
    yield from (f"  {_change(each)}" for each in changes)


def begun(each: CampaignBegun) -> str:
    whose = f"doctor {each.doctor_id}" if each.doctor_id else f"clinic {each.clinic_id}"
    return f"{each.id}  {at(each.created_at)}  {each.state:<8} {each.policy:<10} {whose}"


def campaign(known: Campaign, visits: Sequence[CampaignVisit]) -> Iterator[str]:
    """How many visits are where, then the first of them in the order of their times."""
    yield f"It is {known.pace}, by the policy {known.policy}: {known.total} visits."
    yield from (f"  {part:<15} {count}" for part, count in known.parts.items() if count)
    yield from _told(
        "visits",
        [f"{at(each.starts_at)}  {each.part:<15} {each.appointment_id}" for each in visits],
    )


def at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}Z"


def _runs(known: Known) -> Iterator[str]:
    if known.runs is None:
        yield from _told("runs", ["Temporal does not answer"])
        return
    yield from _told(
        "runs",
        [
            f"{run.workflow_type:<20} {run.status:<10} {at(run.began_at)}  {run.workflow_id}"
            for run in known.runs
        ],
    )


def _told(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield title
    yield from (f"  {line}" for line in lines or ["none"])


def _change(change: Change) -> str:
    reason = f", {change.reason}" if change.reason else ""
    return (
        f"{at(change.at)}  version {change.version}: {change.action} by {change.role}{reason}"
        f", then {change.status} at {at(change.starts_at)}"
    )


def _line(line: Line) -> str:
    if line.message is None:
        return f"{at(line.at)}  {line.what} {line.code or ''}".rstrip()
    told = line.message
    return f"{at(line.at)}  {line.what} to {told.audience} by {told.channel}: {told.status}"
