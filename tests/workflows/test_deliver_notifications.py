"""Delivering what one event has to say: each message once, none held up by another."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.heartbeats import EVERY
from activities.messages import ANSWER_WITHIN, Sent
from adapters.messages.mail import HANDED_OVER_WITHIN
from adapters.postgres.notifications import State
from bench.run_costs import cost_of
from domain.events import AppointmentEvent
from notifier.deliveries import ONE_WORKFLOW_TASK
from tests.messages import an_event
from tests.workflows.conftest import Record
from tests.workflows.providers import Providers, busy, delivering
from workflows.deliver_instead import DeliverInstead, Unheard
from workflows.deliver_notifications import DeliverNotifications, Delivery
from workflows.names import APPOINTMENT_STATUS, DELIVERIES

ALL_SENT = Delivery(doctor="sent", sms="sent", email="sent")


def run_of(
    temporal: WorkflowEnvironment, event: AppointmentEvent
) -> WorkflowHandle[DeliverNotifications, Delivery]:
    return temporal.client.get_workflow_handle_for(DeliverNotifications.run, str(event.event_id))


async def test_everything_is_sent_in_one_step_of_one_workflow_task(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    event = an_event()

    async with delivering(temporal, Providers()) as deliveries:
        await deliveries.start(event)
        result = await run_of(temporal, event).result()

    assert result == ALL_SENT
    cost = cost_of(await record("told", run_of(temporal, event)))
    assert cost.workflow_tasks == 1
    assert cost.events <= 6
    assert cost.actions <= 2
    assert cost.upserts == 0


async def test_a_run_that_was_begun_before_there_was_a_choice_goes_on_as_it_began(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    event, providers = an_event(), Providers()
    providers.faults["sms"] = [busy()]

    async with delivering(temporal, providers):
        run = await temporal.client.start_workflow(
            DeliverNotifications.run, event, id=str(event.event_id), task_queue=DELIVERIES
        )
        result = await run.result()

    assert result == ALL_SENT
    assert providers.tried == {"doctor": 1, "sms": 2, "email": 1}
    history = await record("delivered-late", run)
    assert "tell_everybody" not in history.to_json()


async def test_a_fault_of_the_first_try_is_met_by_each_message_alone(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    event, providers = an_event(), Providers()
    providers.faults["everybody"] = [busy("OperationalError")]

    async with delivering(temporal, providers) as deliveries:
        await deliveries.start(event)
        result = await run_of(temporal, event).result()

    assert result == ALL_SENT
    assert providers.tried == {"doctor": 1, "sms": 1, "email": 1}
    await record("told-after-a-fault", run_of(temporal, event))


async def test_an_event_is_delivered_once_however_often_it_comes(
    temporal: WorkflowEnvironment,
) -> None:
    event, providers = an_event(), Providers()

    async with delivering(temporal, providers) as deliveries:
        await asyncio.gather(*(deliveries.start(event) for _ in range(20)))
        await run_of(temporal, event).result()
        await deliveries.start(event)
        await run_of(temporal, event).result()

    assert providers.tried == {"doctor": 1, "sms": 1, "email": 1}


async def test_a_busy_gateway_is_tried_again_and_holds_up_nobody(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    event, providers = an_event(), Providers()
    providers.faults["sms"] = [busy(), busy()]

    async with delivering(temporal, providers) as deliveries:
        await deliveries.start(event)
        run = run_of(temporal, event)
        result = await run.result()

    assert result == ALL_SENT
    assert providers.asked == ["doctor", "sms", "email", "sms", "sms"]
    await record("told-late", run)


async def test_both_channels_away_are_tried_side_by_side(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    event, providers = an_event(), Providers()
    providers.faults["sms"] = [busy("sms_away")]
    providers.faults["email"] = [busy("smtp_away")]

    async with delivering(temporal, providers) as deliveries:
        await deliveries.start(event)
        result = await run_of(temporal, event).result()

    assert result == ALL_SENT
    await record("told-both-late", run_of(temporal, event))


async def test_a_letter_has_the_time_that_its_server_may_take_in_a_step_of_its_own(
    temporal: WorkflowEnvironment,
) -> None:
    event, providers = an_event(), Providers()
    providers.faults["email"] = [busy("smtp_unanswered")]
    providers.faults["sms"] = [busy("sms_away")]

    async with delivering(temporal, providers) as deliveries:
        await deliveries.start(event)
        await run_of(temporal, event).result()

    history = await run_of(temporal, event).fetch_history()
    steps = [
        each.activity_task_scheduled_event_attributes
        for each in history.events
        if each.HasField("activity_task_scheduled_event_attributes")
    ]
    allowed = {each.activity_type.name: each.start_to_close_timeout.ToTimedelta() for each in steps}
    assert allowed["send_email"] > ANSWER_WITHIN + HANDED_OVER_WITHIN
    assert HANDED_OVER_WITHIN < allowed["send_sms"] < ONE_WORKFLOW_TASK
    assert all(
        2 * EVERY < each.heartbeat_timeout.ToTimedelta() < timedelta(minutes=1) for each in steps
    )


async def test_a_gateway_that_asks_for_time_gets_it(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    event, providers = an_event(), Providers()
    providers.faults["sms"] = [busy("sms_429"), busy("sms_429", timedelta(milliseconds=1))]

    async with delivering(temporal, providers) as deliveries:
        await deliveries.start(event)
        result = await run_of(temporal, event).result()

    assert result == ALL_SENT
    assert providers.tried["sms"] == 3
    await record("told-when-asked", run_of(temporal, event))


@pytest.mark.parametrize(("asked", "waits"), [(0.01, 1.0), (2.5, 2.5)])
async def test_a_gateway_that_asks_for_time_in_the_first_try_gets_it(
    temporal: WorkflowEnvironment, asked: float, waits: float
) -> None:
    event, providers = an_event(), Providers()
    providers.faults["sms"] = [busy("sms_429", timedelta(seconds=asked))]

    async with delivering(temporal, providers) as deliveries:
        await deliveries.start(event)
        result = await run_of(temporal, event).result()

    history = await run_of(temporal, event).fetch_history()
    (timer,) = [
        each.timer_started_event_attributes
        for each in history.events
        if each.HasField("timer_started_event_attributes")
    ]
    assert result == ALL_SENT
    assert timer.start_to_fire_timeout.ToTimedelta() == timedelta(seconds=waits)


async def test_a_refusal_for_good_is_the_result_and_no_failure(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    event, providers = an_event(), Providers()
    providers.outcomes["email"] = Sent(state=State.FAILED, code="smtp_550")
    providers.outcomes["sms"] = Sent(state=State.SUPERSEDED)

    async with delivering(temporal, providers) as deliveries:
        await deliveries.start(event)
        result = await run_of(temporal, event).result()

    assert result == Delivery(doctor="sent", sms="superseded", email="failed (smtp_550)")
    assert providers.tried["email"] == 1
    await record("told-in-part", run_of(temporal, event))


async def test_a_message_that_would_wake_the_patient_waits_for_the_morning(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    event, providers = an_event(), Providers()
    begun = datetime.now(UTC)
    morning = begun + timedelta(seconds=1.5)
    providers.waits["sms"] = [morning, morning + timedelta(seconds=0.2)]

    async with delivering(temporal, providers) as deliveries:
        await deliveries.start(event)
        run = run_of(temporal, event)
        result = await run.result()

    assert result == ALL_SENT
    assert providers.tried == {"doctor": 1, "sms": 3, "email": 1}
    assert datetime.now(UTC) >= morning
    history = await record("told-in-the-morning", run)
    timers = [e for e in history.events if e.HasField("timer_started_event_attributes")]
    assert len(timers) == 2


@pytest.mark.parametrize(
    ("fails", "kept", "expected"),
    [
        ("sms", "email", Delivery(doctor="sent", sms="failed (sms_400)", email="sent")),
        ("email", "sms", Delivery(doctor="sent", sms="sent", email="failed (smtp_550)")),
    ],
)
async def test_what_was_kept_back_is_sent_where_the_other_failed_for_good(
    temporal: WorkflowEnvironment, record: Record, fails: str, kept: str, expected: Delivery
) -> None:
    event, providers = an_event(), Providers()
    code = "sms_400" if fails == "sms" else "smtp_550"
    providers.outcomes[fails] = Sent(state=State.FAILED, code=code)
    providers.outcomes[kept] = Sent(state=State.RESERVED)
    providers.faults[f"{kept} instead"] = [busy("away")]

    async with delivering(temporal, providers) as deliveries:
        await deliveries.start(event)
        result = await run_of(temporal, event).result()

    assert result == expected
    assert providers.tried[f"{kept} instead"] == 2
    if fails == "sms":
        await record("told-by-the-other-channel", run_of(temporal, event))


@pytest.mark.parametrize(("declined", "kept"), [("sms", "email"), ("email", "sms")])
async def test_what_was_kept_back_is_sent_where_the_other_was_declined_meanwhile(
    temporal: WorkflowEnvironment, declined: str, kept: str
) -> None:
    event, providers = an_event(), Providers()
    providers.outcomes[declined] = Sent(state=State.DECLINED)
    providers.outcomes[kept] = Sent(state=State.RESERVED)

    async with delivering(temporal, providers) as deliveries:
        await deliveries.start(event)
        result = await run_of(temporal, event).result()

    assert result == replace(ALL_SENT, **{declined: "declined"})
    assert providers.tried[f"{kept} instead"] == 1


@pytest.mark.parametrize("by", ["sms", "email"])
async def test_a_message_that_did_not_arrive_is_stood_in_for(
    temporal: WorkflowEnvironment, record: Record, by: str
) -> None:
    event, providers = an_event(), Providers()
    other = "email instead" if by == "sms" else "sms instead"
    providers.faults[other] = [busy("away")]
    providers.waits[other] = [datetime.now(UTC)]

    async with delivering(temporal, providers):
        run = await temporal.client.start_workflow(
            DeliverInstead.run,
            Unheard(event=event, by=by),
            id=f"instead-{event.event_id}",
            task_queue=DELIVERIES,
        )
        result = await run.result()

    assert result == "sent"
    assert providers.tried == {other: 3}
    if by == "sms":
        await record("delivered-after-a-receipt", run)


async def test_what_was_kept_back_stays_so_where_the_other_was_sent(
    temporal: WorkflowEnvironment,
) -> None:
    event, providers = an_event(), Providers()
    providers.outcomes["email"] = Sent(state=State.RESERVED)

    async with delivering(temporal, providers) as deliveries:
        await deliveries.start(event)
        result = await run_of(temporal, event).result()

    assert result == Delivery(doctor="sent", sms="sent", email="reserved")
    assert providers.tried["email instead"] == 0


async def test_an_operator_can_read_the_run(temporal: WorkflowEnvironment) -> None:
    event = an_event()

    async with delivering(temporal, Providers()) as deliveries:
        await deliveries.start(event)
        await run_of(temporal, event).result()
        described = await run_of(temporal, event).describe()

    assert described.typed_search_attributes.get(APPOINTMENT_STATUS) == "confirmed"
    assert await described.static_summary() == (
        f"confirmed: doctor {event.doctor_id}, 2026-11-24T07:30:00Z"
    )
