"""The audit as a process: what it does in which order, what it says, when it fails."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio import activity
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from adapters.temporal.client import UNAVAILABLE
from domain.audit import (
    AuditOrder,
    AuditReport,
    Events,
    Holds,
    Overlap,
    Overlaps,
    Seal,
    Touched,
    Trail,
)
from tests.builders import DR_KIM, MONDAY_NINE
from tests.workflows.conftest import Record, eventually
from worker.sandbox import sandboxed_runner
from workflows.audit_bookings import AuditBookings
from workflows.names import AUDITS

ORDER = AuditOrder(settled_after_seconds=15)
NO_OVERLAP = Overlaps(count=0, first=[])
NO_HOLDS = Holds(looked_at=0, given_back=[])
WHOLE_TRAIL = Trail(lines=3, until=0, seal=Seal(place=1, hash="ab"), breaks=[])
NO_EVENTS = Events(in_doubt=0, announced=0, under_way=0, postponed=0, reminded=[], published=[])

Run = WorkflowHandle[AuditBookings, AuditReport]


class FakeAudit:
    """Checks that find what a test says; `calls` lists what was done."""

    def __init__(  # noqa: PLR0913 - each is a finding
        self,
        *,
        overlaps: Overlaps = NO_OVERLAP,
        lapsed: Holds = NO_HOLDS,
        orphaned: Holds = NO_HOLDS,
        events: Events = NO_EVENTS,
        trail: Trail = WHOLE_TRAIL,
        absent: list[Touched] | None = None,
    ) -> None:
        self.overlaps, self.lapsed, self.orphaned, self.events = overlaps, lapsed, orphaned, events
        self.trail = trail
        self.absent = absent or []
        self.calls: list[str] = []
        self.refreshed: list[Touched] = []
        self.faults: dict[str, int] = {}

    @property
    def activities(self) -> list[Callable[..., Any]]:
        return [
            self.find_overlaps,
            self.expire_lapsed_holds,
            self.release_orphaned_holds,
            self.announce_missing_events,
            self.mark_absent,
            self.check_trail,
            self.refresh_days,
        ]

    @activity.defn
    async def find_overlaps(self) -> Overlaps:
        self._enter("find_overlaps")
        return self.overlaps

    @activity.defn
    async def expire_lapsed_holds(self) -> Holds:
        self._enter("expire_lapsed_holds")
        return self.lapsed

    @activity.defn
    async def release_orphaned_holds(self, order: AuditOrder) -> Holds:
        assert order == ORDER
        self._enter("release_orphaned_holds")
        return self.orphaned

    @activity.defn
    async def announce_missing_events(self, order: AuditOrder) -> Events:
        assert order == ORDER
        self._enter("announce_missing_events")
        return self.events

    @activity.defn
    async def mark_absent(self) -> list[Touched]:
        self._enter("mark_absent")
        return self.absent

    @activity.defn
    async def check_trail(self, before: Trail | None) -> Trail:
        assert before is None
        self._enter("check_trail")
        return self.trail

    @activity.defn
    async def refresh_days(self, touched: list[Touched]) -> None:
        self._enter("refresh_days")
        self.refreshed += touched

    def _enter(self, name: str) -> None:
        self.calls.append(name)
        if self.faults.get(name, 0) > 0:
            self.faults[name] -= 1
            raise ApplicationError("a server did not do it", type=UNAVAILABLE)


@asynccontextmanager
async def auditing(temporal: WorkflowEnvironment, audit: FakeAudit) -> AsyncIterator[Run]:
    """One audit; no cache, so that every task replays the run."""
    async with Worker(
        temporal.client,
        task_queue=AUDITS,
        workflows=[AuditBookings],
        activities=audit.activities,
        workflow_runner=sandboxed_runner(),
        max_cached_workflows=0,
    ):
        yield await temporal.client.start_workflow(
            AuditBookings.run, ORDER, id=f"audit-{uuid4()}", task_queue=AUDITS
        )


async def current_details(run: Run) -> str:
    metadata: WorkflowMetadata = await run.query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return metadata.current_details


def touched(appointment_id: UUID | None = None) -> Touched:
    return Touched(
        appointment_id=appointment_id or uuid4(), doctor_id=DR_KIM, starts_at=MONDAY_NINE
    )


async def test_a_clean_audit_looks_at_everything_and_touches_nothing(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    audit = FakeAudit(orphaned=Holds(looked_at=7, given_back=[]))

    async with auditing(temporal, audit) as run:
        report = await run.result()

    assert audit.calls == [
        "find_overlaps",
        "expire_lapsed_holds",
        "release_orphaned_holds",
        "announce_missing_events",
        "check_trail",
        "mark_absent",
    ]
    assert (report.overlaps.count, report.open_holds_looked_at, report.mended) == (0, 7, [])
    await record("audit-clean", run)


async def test_the_report_counts_what_was_mended_and_its_days_are_shown_anew(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    lapsed, orphaned, published, reminded = (touched() for _ in range(4))
    audit = FakeAudit(
        lapsed=Holds(looked_at=700, given_back=[lapsed]),
        orphaned=Holds(looked_at=3, given_back=[orphaned]),
        events=Events(
            in_doubt=9,
            announced=4,
            under_way=2,
            postponed=1,
            reminded=[reminded],
            published=[published],
        ),
        absent=[absent := touched()],
    )

    async with auditing(temporal, audit) as run:
        report = await run.result()
        details = await current_details(run)
        await record("audit-marked-the-absent", run)

    mended = [lapsed, orphaned, published, reminded]
    assert audit.refreshed == [*mended, absent]
    assert "- absent patients marked by a clinic's rule: 1" in details
    assert report == AuditReport(
        overlaps=NO_OVERLAP,
        lapsed_holds_expired=700,
        open_holds_looked_at=3,
        orphaned_holds_released=1,
        events_in_doubt=9,
        events_announced=4,
        events_under_way=2,
        events_postponed=1,
        events_published=1,
        runs_reminded=1,
        days_refreshed=True,
        mended=[each.appointment_id for each in mended],
        trail=WHOLE_TRAIL,
        no_shows_marked=1,
    )
    await record("audit-mended", run)


async def test_an_overlap_fails_the_run_loudly_after_everything_else_was_mended(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    pair = Overlap(appointment_id=uuid4(), other_id=uuid4())
    lapsed = touched()
    audit = FakeAudit(
        overlaps=Overlaps(count=1, first=[pair]), lapsed=Holds(looked_at=1, given_back=[lapsed])
    )

    async with auditing(temporal, audit) as run:
        with pytest.raises(WorkflowFailureError) as failed:
            await run.result()

    alarm = failed.value.cause
    assert isinstance(alarm, ApplicationError)
    assert (alarm.type, alarm.non_retryable) == ("overlap", True)
    assert alarm.category.name == "UNSPECIFIED"
    assert str(pair.appointment_id) in alarm.message
    assert str(pair.other_id) in alarm.message
    assert audit.refreshed == [lapsed]
    await record("audit-overlap", run)


async def test_a_broken_trail_fails_the_run_and_is_named(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    lapsed = touched()
    audit = FakeAudit(
        lapsed=Holds(looked_at=1, given_back=[lapsed]),
        trail=replace(WHOLE_TRAIL, breaks=["line 7 was changed", "line 9 is gone"]),
    )

    async with auditing(temporal, audit) as run:
        with pytest.raises(WorkflowFailureError) as failed:
            await run.result()
        details = await current_details(run)

    alarm = failed.value.cause
    assert isinstance(alarm, ApplicationError)
    assert (alarm.type, alarm.non_retryable) == ("broken_trail", True)
    assert "line 7 was changed, line 9 is gone" in alarm.message
    assert "- **trail**: line 7 was changed" in details
    assert audit.refreshed == [lapsed]
    await record("audit-broken-trail", run)


async def test_a_check_that_cannot_be_made_is_tried_until_it_can(
    temporal: WorkflowEnvironment,
) -> None:
    audit = FakeAudit(lapsed=Holds(looked_at=1, given_back=[touched()]))
    audit.faults["expire_lapsed_holds"] = 2

    async with auditing(temporal, audit) as run:
        report = await run.result()

    assert audit.calls.count("expire_lapsed_holds") == 3
    assert report.lapsed_holds_expired == 1


async def test_days_that_cannot_be_shown_anew_hold_up_no_audit(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    audit = FakeAudit(lapsed=Holds(looked_at=1, given_back=[touched()]))
    audit.faults["refresh_days"] = 1_000

    async with auditing(temporal, audit) as run:
        await eventually(lambda: "refresh_days" in audit.calls)
        await temporal.fast_forward(run, timedelta(seconds=31))
        report = await run.result()

    assert not report.days_refreshed
    await record("audit-without-redis", run)


async def test_an_operator_reads_what_was_found_and_done(temporal: WorkflowEnvironment) -> None:
    pair = Overlap(appointment_id=uuid4(), other_id=uuid4())
    lapsed = touched()
    audit = FakeAudit(
        overlaps=Overlaps(count=1, first=[pair]), lapsed=Holds(looked_at=1, given_back=[lapsed])
    )
    audit.faults["refresh_days"] = 1_000

    async with auditing(temporal, audit) as run:
        await eventually(lambda: "refresh_days" in audit.calls)
        await temporal.fast_forward(run, timedelta(seconds=31))
        with pytest.raises(WorkflowFailureError):
            await run.result()
        details = await current_details(run)

    assert "- overlaps: **1**" in details
    assert "- holds past their deadline, expired: 1" in details
    assert f"- **overlap**: `{pair.appointment_id}` and `{pair.other_id}`" in details
    assert f"- mended: `{lapsed.appointment_id}`" in details
    assert "open pages were not told" in details
