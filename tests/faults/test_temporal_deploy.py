"""A worker with changed workflow code over open bookings: each ends, none loses its way."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client

from adapters.process.settings import deployment
from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Booking, Kind
from tests.faults.rig.stack import Stack
from tests.worker_builds import DEPLOYMENT, build_of, current_build
from tests.workflows.changed_booking import PATIENT_FIRST

CHANGED = [sys.executable, "-m", "tests.faults.rig.changed_worker"]
FIRST, SECOND = deployment().worker_build_id, "the next build"


async def test_deployed_over_open_bookings(rig: Rig) -> None:
    title = "deploy of changed workflow code (`patched`) with open bookings"
    async with AsyncExitStack() as back_to_the_old_code:
        async with rig.case(38, title, api_serves="reads") as case, case.load(3):
            open_before = [case.booking() for _ in range(4)]
            for booking in open_before:
                assert (await case.insist(Kind.HOLD, booking)).status == 201
            await back_to_the_old_code.enter_async_context(deployed(case.stack))
            case.injected("worker with changed code")
            for booking in open_before:
                assert (await case.insist(Kind.CONFIRM, booking)).status in {200, 410}
            new = case.booking()
            for kind, status in ((Kind.HOLD, 201), (Kind.CONFIRM, 200)):
                assert (await case.insist(kind, new)).status == status

        assert await is_of_the_new_code(case, new)


@asynccontextmanager
async def deployed(stack: Stack) -> AsyncIterator[None]:
    """A run that was begun by the new code is not given back to the old: the case ends first."""
    kept = stack.kept("worker")
    before = kept.program
    await kept.stop()
    kept.program = replace(before, argv=[*CHANGED, "Patched"])
    await kept.start()
    try:
        yield
    finally:
        await kept.stop()
        kept.program = before
        await kept.start()


async def is_of_the_new_code(case: Case, booking: Booking) -> bool:
    """Its history has the patch's mark."""
    run = case.run_of(booking)
    marks = [
        event.marker_recorded_event_attributes
        for event in (await run.fetch_history()).events
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
    ]
    return any(PATIENT_FIRST in str(mark.details) for mark in marks)


async def test_two_builds_beside_each_other_under_load(rig: Rig) -> None:
    """The second build has a changed order of steps and no patch: right only as it is pinned."""
    title = "the next build beside this one (pinned) under load"
    async with AsyncExitStack() as second_build:
        async with rig.case(38, title, api_serves="reads") as case, case.load(3):
            opened: list[Booking] = []
            deploying = asyncio.create_task(
                second_build.enter_async_context(second_build_beside(case.stack, rig.temporal))
            )
            while (current := await current_build(rig.temporal)) != SECOND or not deploying.done():
                booking = case.booking()
                assert (await case.insist(Kind.HOLD, booking)).status == 201
                if current == FIRST:
                    opened.append(booking)
                assert not deploying.done() or deploying.exception() is None
                await asyncio.sleep(0.5)  # the server is asked of a deployment a few times a second
            case.injected("a second build beside the first")
            last = opened[-5:]
            for booking in last:
                assert (await case.insist(Kind.CONFIRM, booking)).status in {200, 410}
            new = case.booking()
            for kind, status in ((Kind.HOLD, 201), (Kind.CONFIRM, 200)):
                assert (await case.insist(kind, new)).status == status

        *before, _ = [
            await build_of(case.run_of(each)) for each in opened
        ]  # the last met the switch
        assert set(before) == {FIRST}
        assert await build_of(case.run_of(new)) == SECOND


@asynccontextmanager
async def second_build_beside(stack: Stack, temporal: Client) -> AsyncIterator[None]:
    """Its processes make it current; it is rolled back before they end, or runs would wait."""
    changed = [*CHANGED, "ChangedAtOnce"]
    async with (
        stack.another("notifier", TEMPORAL_WORKER_BUILD_ID=SECOND),
        stack.another("worker", changed, TEMPORAL_WORKER_BUILD_ID=SECOND),
    ):
        try:
            yield
        finally:
            await temporal.workflow_service.set_worker_deployment_current_version(
                SetWorkerDeploymentCurrentVersionRequest(
                    namespace=temporal.namespace, deployment_name=DEPLOYMENT, build_id=FIRST
                )
            )
