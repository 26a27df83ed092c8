"""What operations read of a run: its page, where it stands and what it awaits, and its log."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

from temporalio import workflow
from temporalio.workflow import UpdateMethodMultiParam

from domain.audit import AuditReport
from domain.booking import Appointment, Refusal, Status
from domain.booking_record import BookingRecord
from domain.plan import Published

MEANING = {
    Status.PENDING: "the slot is not held yet",
    Status.HELD: "nobody else can take the slot",
    Status.CONFIRMED: "the visit stands; patient and doctor are being told",
    Status.CANCELLED: "the slot is free again",
    Status.EXPIRED: "the patient did not confirm in time; the slot is free again",
    Status.ARRIVED: "the patient is at the clinic",
    Status.COMPLETED: "the visit is over",
    Status.NO_SHOW: "the patient did not come",
    Status.REFUSED: "the slot could not be held; nothing had to be undone",
}

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def described_update(
    description: str,
) -> Callable[[Callable[Given, Awaitable[Answer]]], UpdateMethodMultiParam[Given, Answer]]:
    """An update that says in the Temporal UI what it is for.

    `workflow.update(description=...)` is typed as if its handler answered with a coroutine, so that
    no client could call it by the method; this is the same decorator with the right type.
    """
    return workflow.update(description=description)  # type: ignore[return-value]


workflow.logger.workflow_info_on_message = False  # ours have keys


STEPS = "\n\nSteps so far:\n"


def show(appointment: Appointment, *, now: str, refusal: Refusal | None = None) -> None:
    """On the run's page, from now on; the steps that are told there already stay."""
    _, mark, steps = workflow.get_current_details().partition(STEPS)
    told = details_of(appointment, now=now, refusal=refusal)
    workflow.set_current_details(f"{told}{mark}{steps}")


def tell_step(label: str, *, how: str = "done") -> None:
    """One more line on the run's page: the history shows a local activity as a bare marker."""
    told = workflow.get_current_details()
    mark = "" if STEPS in told else STEPS
    workflow.set_current_details(f"{told}{mark}\n1. {workflow.now():%H:%M:%S} UTC {label}: {how}")


def show_booking(booking: BookingRecord, *, now: str) -> None:
    show(booking.appointment, now=now, refusal=booking.refusal)


def note(happened: str, appointment: Appointment) -> None:
    """A line in the worker's log; a replay writes none."""
    keys = {"appointment": str(appointment.appointment_id), "status": appointment.status.value}
    workflow.logger.info(happened, extra=keys)


def details_of(appointment: Appointment, *, now: str, refusal: Refusal | None = None) -> str:
    """Markdown without patient data."""
    lines = [
        f"**{appointment.status.value}**: {MEANING[appointment.status]}",
        "",
        now,
        "",
        f"- visit: {_clock(appointment.starts_at)}, doctor `{appointment.doctor_id}`",
    ]
    if appointment.status is Status.HELD and appointment.held_until is not None:
        lines.append(f"- held until: {_clock(appointment.held_until)}")
    if appointment.reason is not None:
        lines.append(f"- reason: `{appointment.reason}`")
    if refusal is not None:
        lines.append(f"- refusal: `{refusal.code}`")
    return "\n".join(lines)


def details_of_audit(report: AuditReport) -> str:
    """Markdown: what was found and done, then each appointment that it was done to."""
    lines = [
        f"- overlaps: **{report.overlaps.count}**",
        f"- holds past their deadline, expired: {report.lapsed_holds_expired}",
        f"- open holds looked at: {report.open_holds_looked_at}",
        f"- open holds without a run, released: {report.orphaned_holds_released}",
        f"- events that nobody received yet: {report.events_in_doubt}",
        f"  - announced by their runs: {report.events_announced}",
        f"  - about to be: {report.events_under_way}",
        f"  - runs reminded of them: {report.runs_reminded}",
        f"  - published by this audit: {report.events_published}",
        f"  - left to the next audit, since Kafka is away: {report.events_postponed}",
    ]
    if report.no_shows_marked:
        lines.append(f"- absent patients marked by a clinic's rule: {report.no_shows_marked}")
    if not report.days_refreshed:
        lines.append("- open pages were not told: Redis did not answer")
    lines += [
        f"- **overlap**: `{pair.appointment_id}` and `{pair.other_id}`"
        for pair in report.overlaps.first
    ]
    if report.trail is not None:
        lines.append(f"- lines of the trail of who did what, looked at: {report.trail.lines}")
        lines += [f"- **trail**: {broken}" for broken in report.trail.breaks]
    lines += [f"- mended: `{appointment_id}`" for appointment_id in report.mended]
    return "\n".join(lines)


def details_of_publishing(published: Published) -> str:
    """Markdown: how much of the doctors' time is other than before."""
    return (
        f"- doctors with a plan: {published.doctors}\n"
        f"- whose time changed: **{published.changed}**\n"
        f"- shifts that came, went or changed: {published.shifts}"
    )


def _clock(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
