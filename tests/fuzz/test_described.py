"""Every answer is as docs/openapi.json describes it, whatever is asked, and none is a 5xx."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from stack.run_state import RunState
from tests.fuzz.described import DESCRIPTION, Effort, answered, run

BOOKINGS = Effort(
    seconds=25,
    examples=60,
    seed=7,
    phases="stateful",
    paths=r"/appointments(/\{\w+\}(/(confirm|cancel|extend|reschedule|arrive))?)?$|/schedule$",
)
"""Few enough operations that one call leads on to another; all others are in the next effort."""
EVERYTHING = Effort(seconds=30, examples=10, seed=20_261_122)
ON_A_BUSY_MACHINE = replace(BOOKINGS, seconds=90)
ONE_LOOK = Effort(seconds=90, examples=5, seed=1, phases="coverage")

REACHED = {
    ("POST /api/v1/appointments", "201"),
    ("POST /api/v1/appointments", "409"),
    ("POST /api/v1/appointments", "422"),
    ("GET /api/v1/appointments/{appointment_id}", "200"),
    ("POST /api/v1/appointments/{appointment_id}/confirm", "200"),
    ("POST /api/v1/appointments/{appointment_id}/confirm", "409"),
    ("POST /api/v1/appointments/{appointment_id}/cancel", "200"),
    ("POST /api/v1/appointments/{appointment_id}/reschedule", "200"),
    ("POST /api/v1/appointments/{appointment_id}/reschedule", "409"),
    ("POST /api/v1/appointments/{appointment_id}/arrive", "409"),
    ("GET /api/v1/patients/{patient_id}/appointments", "200"),
    ("GET /api/v1/doctors/{doctor_id}/schedule", "200"),
}
"""What a run has to come by, or it tried nothing."""


@pytest.mark.timeout(480)
async def test_every_answer_is_as_described(product: RunState, tmp_path: Path) -> None:
    before = await answered(product)

    came_by = Counter[tuple[str, str]]()
    for effort in (BOOKINGS, EVERYTHING, ON_A_BUSY_MACHINE):
        if effort is ON_A_BUSY_MACHINE and set(came_by) >= REACHED:
            break
        status, report = await run(tmp_path, product, effort)
        assert status == 0, report
        came_by = await answered(product) - before

    assert REACHED - set(came_by) == set()
    assert not [each for each in came_by if each[1].startswith("5")]


@pytest.mark.timeout(480)
async def test_an_answer_that_is_not_described_is_found(product: RunState, tmp_path: Path) -> None:
    description = json.loads(DESCRIPTION.read_text())
    clinics = description["paths"]["/api/v1/clinics"]
    del clinics["get"]["responses"]["422"]
    description["paths"] = {"/api/v1/clinics": clinics}
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(description))

    found, report = await run(tmp_path, product, ONE_LOOK, description=file)

    assert found == 1, report
    assert "Undocumented" in report
    assert "422" in report
