"""What a run costs, counted from its history: events, workflow tasks and billable Actions.

Used by the benchmark and by the budgets of `make test`.
"""

from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

# One Action each (docs.temporal.io/evaluate/cloud/actions). Rejected updates leave no event.
BILLED = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The figures that the design limits."""

    actions: int
    events: int
    workflow_tasks: int
    upserts: int


def cost_of(history: WorkflowHistory) -> Cost:
    kinds = [event.event_type for event in history.events]
    return Cost(
        actions=sum(kind in BILLED for kind in kinds) + _local(history) + _retries(history),
        events=len(kinds),
        workflow_tasks=kinds.count(EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED),
        upserts=kinds.count(EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES),
    )


def _local(history: WorkflowHistory) -> int:
    """All local activities of one workflow task are one Action together."""
    markers = [e.marker_recorded_event_attributes for e in history.events]
    tasks = {
        marker.workflow_task_completed_event_id
        for marker in markers
        if marker.marker_name == "core_local_activity"
    }
    return len(tasks)


def _retries(history: WorkflowHistory) -> int:
    started = (e.activity_task_started_event_attributes for e in history.events)
    return sum(max(0, attributes.attempt - 1) for attributes in started)
