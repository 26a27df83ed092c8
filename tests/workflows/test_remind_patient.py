"""Reminding a patient: found from the rows, told once by each channel."""

import asyncio
from uuid import uuid4

from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.messages import Sent
from adapters.postgres.notifications import State
from bench.run_costs import cost_of
from domain.reminders import Reminder, remind_workflow_id
from tests.messages import a_reminder
from tests.workflows.conftest import Record
from tests.workflows.providers import Providers, busy, delivering
from worker.sandbox import sandboxed_runner
from workflows.deliver_instead import DeliverInstead, Unheard
from workflows.find_due_reminders import FindDueReminders
from workflows.names import APPOINTMENT_STATUS, DELIVERIES
from workflows.remind_patient import Reminded, RemindPatient

BOTH = Reminded(sms="sent", email="sent")


def run_of(
    temporal: WorkflowEnvironment, reminder: Reminder
) -> WorkflowHandle[RemindPatient, Reminded]:
    return temporal.client.get_workflow_handle_for(RemindPatient.run, remind_workflow_id(reminder))


async def test_a_reminder_is_two_messages_in_one_workflow_task_and_the_doctor_hears_nothing(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    reminder, providers = a_reminder(), Providers()

    async with delivering(temporal, providers) as deliveries:
        await deliveries.remind(reminder)
        result = await run_of(temporal, reminder).result()

    assert result == BOTH
    cost = cost_of(await record("reminded", run_of(temporal, reminder)))
    assert (cost.workflow_tasks, cost.upserts) == (1, 0)
    assert cost.events <= 6
    assert cost.actions <= 2


async def test_a_reminder_is_told_once_however_often_it_is_found(
    temporal: WorkflowEnvironment,
) -> None:
    reminder, providers = a_reminder(), Providers()

    async with delivering(temporal, providers) as deliveries:
        await asyncio.gather(*(deliveries.remind(reminder) for _ in range(20)))
        await run_of(temporal, reminder).result()
        await deliveries.remind(reminder)
        await run_of(temporal, reminder).result()

    assert (providers.tried["sms"], providers.tried["email"]) == (1, 1)


async def test_a_gateway_that_is_away_holds_up_no_letter(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    reminder, providers = a_reminder(), Providers()
    providers.faults["sms"] = [busy(), busy()]

    async with delivering(temporal, providers) as deliveries:
        await deliveries.remind(reminder)
        result = await run_of(temporal, reminder).result()

    assert result == BOTH
    assert (providers.tried["sms"], providers.tried["email"]) == (3, 1)
    await record("reminded-late", run_of(temporal, reminder))


async def test_what_the_visit_has_overtaken_is_not_told(temporal: WorkflowEnvironment) -> None:
    reminder, providers = a_reminder(), Providers()
    for message in ("sms", "email"):
        providers.outcomes[message] = Sent(state=State.SUPERSEDED)

    async with delivering(temporal, providers) as deliveries:
        await deliveries.remind(reminder)
        result = await run_of(temporal, reminder).result()

    assert result == Reminded(sms="superseded", email="superseded")


async def test_the_other_channel_speaks_where_the_one_failed_for_good(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    reminder, providers = a_reminder(), Providers()
    providers.outcomes["sms"] = Sent(state=State.FAILED, code="sms_400")
    providers.outcomes["email"] = Sent(state=State.RESERVED)

    async with delivering(temporal, providers) as deliveries:
        await deliveries.remind(reminder)
        result = await run_of(temporal, reminder).result()

    assert result == Reminded(sms="failed (sms_400)", email="sent")
    await record("reminded-by-the-other-channel", run_of(temporal, reminder))


async def test_a_reminder_that_did_not_arrive_is_stood_in_for(
    temporal: WorkflowEnvironment,
) -> None:
    reminder, providers = a_reminder(), Providers()

    async with delivering(temporal, providers):
        run = await temporal.client.start_workflow(
            DeliverInstead.run,
            Unheard(event=reminder, by="sms"),
            id=f"instead-{reminder.event_id}",
            task_queue=DELIVERIES,
        )
        result = await run.result()

    assert result == "sent"
    assert providers.tried == {"email instead": 1}


async def test_an_operator_can_read_the_run(temporal: WorkflowEnvironment) -> None:
    reminder = a_reminder()

    async with delivering(temporal, Providers()) as deliveries:
        await deliveries.remind(reminder)
        await run_of(temporal, reminder).result()
        described = await run_of(temporal, reminder).describe()

    assert described.typed_search_attributes.get(APPOINTMENT_STATUS) == "confirmed"
    assert await described.static_summary() == (
        f"reminder P1D: doctor {reminder.doctor_id}, 2026-11-24T07:30:00Z"
    )


class Looks:
    """The database is away at the first look."""

    def __init__(self) -> None:
        self.count = 0

    @activity.defn
    async def start_due_reminders(self, at_once: int) -> int:
        assert at_once == 16
        self.count += 1
        if self.count == 1:
            raise ApplicationError("away")
        return 3


async def test_due_reminders_are_found_when_the_database_is_back(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    looks = Looks()
    async with Worker(
        temporal.client,
        task_queue=DELIVERIES,
        workflows=[FindDueReminders],
        activities=[looks.start_due_reminders],
        workflow_runner=sandboxed_runner(),
        max_cached_workflows=0,
    ):
        run = await temporal.client.start_workflow(
            FindDueReminders.run, 16, id=f"due-{uuid4()}", task_queue=DELIVERIES
        )
        result = await run.result()

    assert (result, looks.count) == (3, 2)
    await record("reminders-found", run)
