"""Audit all bookings: mend what is safe to mend, say what was done, fail loudly on what nobody can.

Looking for overlaps comes first, so that nothing delays the alarm's gauge; failing comes last, so
that the alarm delays no repair. A check that cannot be made now is tried until it can.
"""

from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain.audit import AuditOrder, AuditReport, Events, Holds, Overlaps, Touched, Trail
from workflows import audit_steps as steps
from workflows.details import details_of_audit

MENDED_NAMED = 20

OVERLAP = "overlap"
BROKEN_TRAIL = "broken_trail"
"""Types of the failures of an audit that found what no audit can mend."""


@workflow.defn
class AuditBookings:
    """One look at all bookings; the result says what was counted, found and mended."""

    @workflow.run
    async def run(self, order: AuditOrder) -> AuditReport:
        overlaps = await steps.find_overlaps()
        lapsed = await steps.expire_lapsed_holds()
        orphaned = await steps.release_orphaned_holds(order)
        events = await steps.announce_missing_events(order)
        trail = await _checked_trail()
        absent = await _absent()
        report = await _mended(overlaps, lapsed, orphaned, events, absent)
        report = replace(report, trail=trail, no_shows_marked=len(absent))
        workflow.set_current_details(details_of_audit(report))
        if overlaps.count:
            raise ApplicationError(_alarm(overlaps), report, type=OVERLAP, non_retryable=True)
        if trail is not None and trail.breaks:
            raise ApplicationError(_broken(trail), report, type=BROKEN_TRAIL, non_retryable=True)
        return report


async def _absent() -> list[Touched]:
    """The rule is the clinic's, and off unless set: it is looked for beside the rest."""
    return await steps.mark_absent() if workflow.patched("mark-absent") else []


async def _checked_trail() -> Trail | None:
    """Against what the last audit that found nothing wrong has seen of it."""
    if not workflow.patched("check-the-trail"):
        return None
    before = workflow.get_last_completion_result(AuditReport)
    return await steps.check_trail(before.trail if before else None)


async def _mended(
    overlaps: Overlaps, lapsed: Holds, orphaned: Holds, events: Events, absent: list[Touched]
) -> AuditReport:
    mended = [*lapsed.given_back, *orphaned.given_back, *events.published, *events.reminded]
    touched = [*mended, *absent]
    return AuditReport(
        overlaps=overlaps,
        lapsed_holds_expired=lapsed.looked_at,
        open_holds_looked_at=orphaned.looked_at,
        orphaned_holds_released=len(orphaned.given_back),
        events_in_doubt=events.in_doubt,
        events_announced=events.announced,
        events_under_way=events.under_way,
        events_postponed=events.postponed,
        events_published=len(events.published),
        runs_reminded=len(events.reminded),
        days_refreshed=await steps.refresh_days(touched) if touched else True,
        mended=[each.appointment_id for each in mended[:MENDED_NAMED]],
    )


def _broken(trail: Trail) -> str:
    return (
        "the trail of who did what is not as it was written: "
        f"{', '.join(trail.breaks)}: somebody has to look at this"
    )


def _alarm(overlaps: Overlaps) -> str:
    one = overlaps.first[0]
    return (
        f"{overlaps.count} pairs of live appointments overlap, the first of them "
        f"{one.appointment_id} and {one.other_id}: somebody has to mend this"
    )
