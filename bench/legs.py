"""Where the milliseconds of one booking go: `python -m bench.legs` (after `make up`).

Books one visit after the other and lays beside each other what is one clock on one machine: this
client's, that of the events of the run's history, and two instants of the row. Prints the median of
each leg; the legs of a call add up to the call, but for rounding.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import psycopg
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from adapters.process.exit import exit_process
from bench.http import Connection
from bench.speed import RunState, wishes
from workflows.names import booking_workflow_id

BEGUN = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
TASK_ASKED = EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
TASK_GIVEN = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
TASK_DONE = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
ENDED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED

MILLISECOND = 1000


@dataclass(frozen=True, kw_only=True)
class Call:
    """One HTTP call, by the wall clock of this machine, seconds."""

    asked: float
    answered: float


@dataclass(frozen=True, kw_only=True)
class Booked:
    """One booking that was confirmed."""

    appointment_id: str
    hold: Call
    confirm: Call


@dataclass(frozen=True, kw_only=True)
class Leg:
    """A stretch of the way; `is_awaited` where the patient waits for it."""

    name: str
    seconds: float
    is_awaited: bool = True


async def book(connection: Connection, wish: tuple[str, str, str]) -> Booked | None:
    patient, doctor, instant = wish
    body = {"patientId": patient, "doctorId": doctor, "dateTime": instant}
    asked = time.time()
    held = await connection.request("POST", "/api/v1/appointments", body)
    if held.status != 201:
        return None
    hold = Call(asked=asked, answered=time.time())
    own = f"/api/v1/appointments/{held.body['appointmentId']}"
    asked = time.time()
    confirmed = await connection.request("POST", f"{own}/confirm")
    if confirmed.status != 200:
        return None
    confirm = Call(asked=asked, answered=time.time())
    return Booked(appointment_id=held.body["appointmentId"], hold=hold, confirm=confirm)


async def legs_of(booked: Booked, temporal: Client, row: tuple[datetime, datetime]) -> list[Leg]:
    run = temporal.get_workflow_handle(booking_workflow_id(UUID(booked.appointment_id)))
    await run.result()
    at: dict[int, list[float]] = {}
    for event in (await run.fetch_history()).events:
        at.setdefault(event.event_type, []).append(event.event_time.ToNanoseconds() / 1e9)
    held, confirmed = (instant.timestamp() for instant in row)
    hold, confirm = booked.hold, booked.confirm
    return [
        Leg(name="hold: HTTP, API, look, line, start", seconds=at[BEGUN][0] - hold.asked),
        Leg(name="hold: run, activity, statement", seconds=held - at[BEGUN][0]),
        Leg(name="hold: commit, line, HTTP", seconds=hold.answered - held),
        Leg(
            name="hold: recorded by Temporal",
            seconds=at[TASK_DONE][0] - held,
            is_awaited=False,
        ),
        Leg(
            name="confirm: HTTP, API, look, line, update",
            seconds=at[TASK_ASKED][1] - confirm.asked,
        ),
        Leg(name="confirm: matching, poll", seconds=at[TASK_GIVEN][1] - at[TASK_ASKED][1]),
        Leg(name="confirm: run, activity, statement", seconds=confirmed - at[TASK_GIVEN][1]),
        Leg(name="confirm: commit, line, HTTP", seconds=confirm.answered - confirmed),
        Leg(
            name="confirm: announced, recorded by Temporal",
            seconds=at[ENDED][0] - confirmed,
            is_awaited=False,
        ),
    ]


def table(told: Iterable[list[Leg]]) -> list[str]:
    """The median of each leg, ms; those behind the answer are marked."""
    by_name: dict[str, list[Leg]] = {}
    for legs in told:
        for leg in legs:
            by_name.setdefault(leg.name, []).append(leg)
    return [
        f"{name:<44} {statistics.median(leg.seconds for leg in legs) * MILLISECOND:7.1f} ms"
        f"{'' if legs[0].is_awaited else '   behind the answer'}"
        for name, legs in by_name.items()
    ]


async def run(state: RunState, count: int) -> None:
    connection = Connection(state["api"])
    todo = await wishes(connection, state, want=count)
    temporal = await Client.connect(os.environ.get("TEMPORAL_ADDRESS") or state["temporalAddress"])
    told: list[list[Leg]] = []
    calls: list[Booked] = []
    async with await psycopg.AsyncConnection.connect(state["databaseUrl"]) as database:
        while todo and len(told) < count:
            booked = await book(connection, todo.pop())
            if booked is None:
                continue
            found = await database.execute(
                "SELECT created_at, confirmed_at FROM schedules WHERE id = %s",
                [booked.appointment_id],
            )
            row = await found.fetchone()
            if row is None:
                sys.exit(f"void: {booked.appointment_id} was confirmed and has no row")
            calls.append(booked)
            told.append(await legs_of(booked, temporal, (row[0], row[1])))
    await connection.close()
    print("\n".join(table(told)))
    for name in ("hold", "confirm"):
        took = [getattr(each, name).answered - getattr(each, name).asked for each in calls]
        print(
            f"{name + ', as the patient waits':<44} {statistics.median(took) * MILLISECOND:7.1f} ms"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bookings", type=int, default=100)
    parser.add_argument("--home", default=os.environ.get("PRIYOM_HOME", ".priyom"))
    options = parser.parse_args()
    state: RunState = json.loads((Path(options.home) / "run.json").read_text())
    asyncio.run(run(state, options.bookings))
    return 0


if __name__ == "__main__":
    exit_process(main())
