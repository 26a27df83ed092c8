"""What no process finished is finished by the audit; here operations ask for one right away."""

import asyncio
import json
import os
import re
import sys
from datetime import timedelta
from uuid import UUID

from temporalio.client import Client, WorkflowExecutionStatus

from domain.events import EventType, event_id
from stack.home import CHECKOUT
from tests.acceptance.conftest import AUDIT_SECONDS, SEALED_WITH, SECRET, Clinic, eventually
from tests.acceptance.test_lapse import lapse
from tests.acceptance.watching import records_about

SCHEDULE = "audit-bookings"
SOON = 60
"""Seconds, many times what an audit leaves alone."""


async def an_audit(client: Client) -> None:
    await client.get_schedule_handle(SCHEDULE).trigger()
    await asyncio.sleep(1)


async def test_a_run_terminated_after_its_confirmation_is_announced_all_the_same(
    clinic: Clinic, temporal_client: Client
) -> None:
    async with clinic.without("kafka"):
        appointment = await clinic.hold()
        confirmed = await clinic.confirm(appointment)
        await temporal_client.get_workflow_handle(f"appointment-{appointment}").terminate()

    async def published() -> bool:
        await an_audit(temporal_client)
        return len(await records_about(clinic, appointment)) > 0

    await eventually(published, within=SOON)

    version = confirmed.json()["version"]
    [record] = await records_about(clinic, appointment)
    expected = event_id(UUID(appointment), version, EventType.CONFIRMED)
    assert json.loads(record)["id"] == str(expected)

    async def told() -> bool:
        return len(await clinic.messages_about(appointment)) == 2

    await eventually(told)


async def test_a_run_terminated_while_it_held_gives_the_slot_back(
    clinic: Clinic, temporal_client: Client
) -> None:
    slot = await clinic.free_slot()
    appointment = await clinic.hold(slot)
    await temporal_client.get_workflow_handle(f"appointment-{appointment}").terminate()

    async def is_free() -> bool:
        await an_audit(temporal_client)
        return await clinic.state_of(slot) == "free"

    await eventually(is_free, within=SOON)

    assert (await clinic.get(appointment))["status"] == "expired"
    assert (await clinic.confirm(appointment)).json()["code"] == "hold_expired"
    assert await records_about(clinic, appointment) == []
    assert await story(clinic, appointment) == [
        (1, "hold", "patient", None),
        (2, "expire", "system", None),
    ]
    await clinic.hold(slot)


async def test_every_answer_about_a_hold_whose_run_was_ended_by_force_says_that_it_lives(
    clinic: Clinic, temporal_client: Client
) -> None:
    slot = await clinic.free_slot()
    async with clinic.without("worker"):  # and so without an audit, which would release it
        appointment = await clinic.hold(slot)
        await temporal_client.get_workflow_handle(f"appointment-{appointment}").terminate()

        seen = await clinic.get(appointment)
        confirmed = await clinic.confirm(appointment)
        extended = await clinic.http.post(
            f"/api/v1/appointments/{appointment}/extend", json={"version": seen["version"]}
        )
        state = await clinic.state_of(slot)
        cancelled = await clinic.cancel(appointment)

    assert (seen["status"], state) == ("held", "held")
    for answer in (confirmed, extended):
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.json()["appointmentId"] == appointment
    assert cancelled.json()["status"] == "cancelled", "its row is given back without its run"
    assert await clinic.state_of(slot) == "free"


async def test_a_run_that_never_heard_of_its_confirmation_is_told(
    clinic: Clinic, temporal_client: Client
) -> None:
    """As if Temporal had died with the word after the row was written."""
    appointment = await clinic.hold()
    await clinic.rows(
        "UPDATE schedules SET status = 'confirmed', confirmed_at = clock_timestamp(),"
        " version = version + 1 WHERE id = %s RETURNING id",
        appointment,
    )
    run = temporal_client.get_workflow_handle(f"appointment-{appointment}")

    async def has_ended() -> bool:
        await an_audit(temporal_client)
        return (await run.describe()).status is WorkflowExecutionStatus.COMPLETED

    await eventually(has_ended, within=SOON)

    [record] = await records_about(clinic, appointment)
    assert json.loads(record)["id"] == str(event_id(UUID(appointment), 2, EventType.CONFIRMED))
    assert await story(clinic, appointment) == [
        (1, "hold", "patient", None),
        (2, "confirm", "sql", None),
    ]


async def test_a_hold_whose_deadline_passed_with_everything_dead_is_expired_by_the_next_audit(
    hasty_clinic: Clinic, temporal_client: Client
) -> None:
    slot = await hasty_clinic.free_slot()
    async with hasty_clinic.without("worker"):  # which takes longer to stop than a hold lasts
        appointment = await hasty_clinic.hold(slot)
        await temporal_client.get_workflow_handle(f"appointment-{appointment}").terminate()
        await lapse()
        [before] = await hasty_clinic.rows(
            "SELECT status FROM schedules WHERE id = %s", appointment
        )

    async def is_expired() -> bool:
        await an_audit(temporal_client)
        [row] = await hasty_clinic.rows("SELECT status FROM schedules WHERE id = %s", appointment)
        return str(row["status"]) == "expired"

    await eventually(is_expired, within=SOON)

    assert before["status"] == "held"
    assert await hasty_clinic.state_of(slot) == "free"


async def test_what_operations_end_is_theirs_in_the_history_with_their_reason(
    clinic: Clinic, temporal_client: Client
) -> None:
    """By the command on the console, which says who it was, and by Temporal's own."""
    released, stopped = await clinic.hold(), await clinic.hold()

    said = await told_by_priyom(clinic, "hold", "release", released, "--reason", "clinic_request")
    await temporal_client.get_workflow_handle(f"appointment-{stopped}").cancel()

    async def has_ended() -> bool:
        status: str = (await clinic.get(stopped))["status"]
        return status == "cancelled"

    await eventually(has_ended)

    assert said == f"{released} is cancelled."
    ended = (2, "cancel", "operations", "clinic_request")
    assert await story(clinic, released) == [(1, "hold", "patient", None), ended]
    assert (await story(clinic, stopped))[-1][:3] == ended[:3]
    audit = (await clinic.http.get("/api/v1/audit", params={"object": released})).json()["items"]
    [console] = [each["actor"] for each in audit if each["role"] == "operations"]
    assert console.startswith("priyom-console:")
    of_console = await told_by_priyom(clinic, "appointment", "history", released)
    assert "version 2: cancel by operations, clinic_request" in of_console
    page = (await clinic.http.get(f"/reception/visits/{released}")).text
    assert re.search("<td>operations</td>\\s*<td>The clinic asked for it", page)


async def told_by_priyom(clinic: Clinic, *asked: str) -> str:
    """What the command of operations answers on this machine."""
    known = {"PRIYOM_PAYLOAD_KEYS": SEALED_WITH, "PRIYOM_SECRET": SECRET}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stack", "priyom", *asked),
        cwd=CHECKOUT,
        env={**os.environ, **known, "PRIYOM_HOME": str(clinic.home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return said.decode().strip()


async def story(clinic: Clinic, appointment: str) -> list[tuple[int, str, str, str | None]]:
    """The versions in the history: what was done, in which role, and why."""
    answer = await clinic.http.get(f"/api/v1/appointments/{appointment}/history")
    return [
        (each["version"], each["action"], each["actor"]["role"], each["reason"])
        for each in answer.json()["items"]
    ]


async def test_operations_read_in_the_run_what_the_audit_did(
    clinic: Clinic, temporal_client: Client
) -> None:
    await an_audit(temporal_client)
    schedule = temporal_client.get_schedule_handle(SCHEDULE)
    described = await schedule.describe()
    assert described.schedule.spec.intervals[0].every == timedelta(seconds=AUDIT_SECONDS)

    async def has_run() -> bool:
        query = "WorkflowType = 'AuditBookings' AND ExecutionStatus = 'Completed'"
        async for run in temporal_client.list_workflows(query):
            result = await temporal_client.get_workflow_handle(run.id).result()
            assert result["overlaps"] == {"count": 0, "first": []}
            return True
        return False

    await eventually(has_run, within=SOON)
    assert clinic.pid("worker") is not None
