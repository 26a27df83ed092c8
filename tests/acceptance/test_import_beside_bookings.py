"""Ten thousand rows of another system come in while patients book: `-m long -s`, a quiet machine.

`RATE=5` books less often, where the machine does not do ten bookings a second."""

import asyncio
import csv
import io
import os
import random
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.clinic import Clinic
from bench.http import Connection
from domain.imports import COLUMNS
from tests.acceptance.measuring import book_at, counted, measured_stack

ROWS = int(os.environ.get("ROWS", "10_000"))
PATIENTS = 4_000
RATE = float(os.environ.get("RATE", "10"))
WARM_SECONDS, BEFORE_SECONDS = 10.0, 40.0
WITHIN_SECONDS = 60.0
SLOWER_AT_MOST = 1.5
SLOTS_A_DAY = 16
AHEAD = timedelta(days=30)
"""Behind the shifts that are bookable, so that nobody's booking meets a row."""

DOCTORS = """
SELECT clinic_id::text, array_agg(id::text) FROM doctors GROUP BY 1 ORDER BY count(*) DESC LIMIT 1
"""
STATE = """
SELECT count(*), sum(version), max(updated_at) FROM schedules WHERE origin = 'import'
"""


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_an_import_leaves_the_bookings_their_time(tmp_path: Path) -> None:
    async with measured_stack(tmp_path / "home") as clinic:
        wishes = await clinic.wishes()
        [(clinic_id, doctors)] = await clinic.rows(DOCTORS)
        file = a_file(doctors)
        await book_at(clinic, wishes, rate=RATE, is_over=lambda after: after > WARM_SECONDS)
        before = await book_at(
            clinic, wishes, rate=RATE, is_over=lambda after: after > BEFORE_SECONDS
        )
        print(f"\nbefore:             {before}")

        importing = asyncio.create_task(imported(clinic, clinic_id, file))
        during = await book_at(clinic, wishes, rate=RATE, is_over=lambda _: importing.done())
        first, seconds, cpu = importing.result()
        print(f"beside the import:  {during}")
        print(f"{ROWS} rows in {seconds:.1f} s; the worker's and PostgreSQL's CPU-s: {cpu}")

        was = await clinic.rows(STATE)
        again, repeated, cpu = await imported(clinic, clinic_id, file)
        print(f"the same again in {repeated:.1f} s, with nobody beside it; CPU-s: {cpu}")

        assert (first["created"], first["refused"]) == (ROWS, [])
        assert (again["created"], again["changed"], again["same"]) == (0, 0, ROWS)
        assert await clinic.rows(STATE) == was
    assert seconds <= WITHIN_SECONDS
    assert not before.refused + during.refused
    assert during.p50 <= SLOWER_AT_MOST * before.p50


def a_file(doctors: list[str]) -> bytes:
    """A row a slot of each doctor, day after day, in no order."""
    written = io.StringIO()
    table = csv.DictWriter(written, COLUMNS)
    table.writeheader()
    rows = [a_row(number, doctors) for number in range(ROWS)]
    random.Random(7).shuffle(rows)
    table.writerows(rows)
    return written.getvalue().encode()


def a_row(number: int, doctors: list[str]) -> dict[str, str]:
    slot, doctor = divmod(number, len(doctors))
    days, nth = divmod(slot, SLOTS_A_DAY)
    day = date.today() + AHEAD + timedelta(days=days)  # noqa: DTZ011 - far ahead in any zone
    starts_at = datetime.combine(day, datetime.min.time()) + timedelta(hours=9, minutes=30 * nth)
    patient = number % PATIENTS
    return {
        "external_id": f"old-{number}",
        "doctor": doctors[doctor],
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(minutes=30)).isoformat(),
        "patient_name": f"Imported Patient {patient}",
        "patient_phone": f"+7917{patient:07}",
        "patient_email": "",
        "status": "confirmed",
    }


async def imported(
    clinic: Clinic, clinic_id: str, file: bytes
) -> tuple[dict[str, Any], float, dict[str, float]]:
    """The report, how long it took, and the processors' time of who did it."""
    connection, begun = Connection(clinic.api), time.perf_counter()
    async with counted(clinic) as turn:
        answer = await connection.send(
            "POST", f"/api/v1/imports?clinicId={clinic_id}", file, {"content-type": "text/csv"}
        )
        assert answer.status == 202, answer
        path = f"/api/v1/imports/{answer.body['importId']}"
        report = (await connection.request("GET", path)).body
        seen = [report["rows"]]
        while report["state"] == "running":
            await asyncio.sleep(0.5)
            report = (await connection.request("GET", path)).body
            seen.append(report["rows"])
    await connection.close()
    assert seen == sorted(seen)
    assert len(set(seen)) > len(seen) // 2  # so that a person sees it move
    cpu = {name: round(turn.cpu[name], 1) for name in ("worker", "postgres")}
    return report, time.perf_counter() - begun, cpu
