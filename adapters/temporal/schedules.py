"""Temporal Schedules: made or brought up to date by every process, and made again if lost."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from structlog import get_logger
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

LONGEST_PAUSE_SECONDS = 10.0

LOOKED_AT_EVERY_SECONDS = 15.0
"""A describe costs next to nothing. What a schedule does is missed no longer than this."""

log = get_logger(__name__)


def schedule_of(
    action: ScheduleActionStartWorkflow, interval: ScheduleIntervalSpec, *, catch_up: timedelta
) -> Schedule:
    """One run at a time; what was missed is made up for within `catch_up`."""
    return Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[interval]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=catch_up),
    )


async def keep_schedule(
    client: Client,
    schedule_id: str,
    ensure: Callable[[], Awaitable[None]],
    *,
    every: float = LOOKED_AT_EVERY_SECONDS,
) -> None:
    """Ensure the schedule now, and again whenever Temporal has it no more: run it as a task.

    A Temporal that was restored, or begins anew, has lost the schedules; the processes live on.
    """
    await ensure()
    while True:
        await asyncio.sleep(every)
        if await _is_gone(client, schedule_id):
            log.warning("schedule_was_gone", schedule=schedule_id)
            await ensure()


async def ensure_schedule(
    client: Client, schedule_id: str, wanted: Schedule, *, at_once: bool = False
) -> None:
    """Make the schedule, or bring it up to date, however long Temporal is away; run it as a task.

    Several processes at once end with the same schedule. One that operations have paused stays so.
    `at_once`: it runs now as well, unless it is running or paused.
    """
    pause = 0.5
    while True:
        try:
            paused = await _ensure(client, schedule_id, wanted)
            if at_once and not paused:
                await client.get_schedule_handle(schedule_id).trigger()
        except RPCError as error:
            log.warning(
                "schedule_not_ensured",
                schedule=schedule_id,
                error=error.status.name,
                again_in_seconds=pause,
            )
        else:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def _is_gone(client: Client, schedule_id: str) -> bool:
    try:
        await client.get_schedule_handle(schedule_id).describe()
    except RPCError as error:
        return error.status is RPCStatusCode.NOT_FOUND
    return False


async def _ensure(client: Client, schedule_id: str, wanted: Schedule) -> bool:
    """Whether it is paused."""
    paused = False

    def brought_up_to_date(now: ScheduleUpdateInput) -> ScheduleUpdate:
        nonlocal paused
        paused = now.description.schedule.state.paused
        return ScheduleUpdate(schedule=replace(wanted, state=now.description.schedule.state))

    try:
        await client.create_schedule(schedule_id, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(schedule_id).update(brought_up_to_date)
    return paused
