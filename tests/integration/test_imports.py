"""Appointments of another system come in by a file: row by row, once, and told to nobody."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from psycopg.sql import SQL
from sqlalchemy import text
from temporalio.client import Client as Temporal
from temporalio.testing import ActivityEnvironment

from activities.imports import ROWS_AT_ONCE, Imports
from activities.shifts import Shifts
from adapters.postgres.audit import SWEEP_EVENTS
from adapters.postgres.database import Database
from adapters.postgres.import_rows import OF_DOCTORS, OF_PATIENTS, ON_DUTY
from adapters.postgres.imports import find_import, forget, staged
from adapters.postgres.seeing import EVERYBODY
from adapters.temporal.client import TemporalConnection
from api.schedule.importing import Importing
from domain.actors import SYSTEM
from domain.errors import ImportNotFound
from domain.imports import Kind
from stack.home import CHECKOUT
from tests.clinic_rows import Clinic, at, open_clinic
from tests.integration.import_office import EXAMPLE, Office, a_row, counted
from worker.workers import plans_worker
from workflows.import_schedule import ImportSchedule

MISSED_OF_A_CLINIC = text(
    "SELECT count(*) FROM events_in_doubt d JOIN schedules s ON s.id = d.appointment_id"
    " WHERE s.clinic_id = :id"
)
DOCUMENT = (CHECKOUT / "docs/import.md").read_text()


@pytest.fixture
async def office(clinic: Clinic) -> Office:
    return Office(clinic)


async def test_the_example_says_what_its_document_says(office: Office) -> None:
    rehearsed = await office.take(office.example, dry_run=True)
    before = await office.visits()
    imported = await office.take(office.example)

    told = [
        (int(line), reason)
        for line, reason in re.findall(r"^\| (\d+) \| (.+) \|$", DOCUMENT, re.MULTILINE)
    ]
    assert [(each["line"], each["reason"]) for each in imported.report.refused] == told
    assert len(told) == 10
    assert before == []
    assert rehearsed.report == imported.report
    [overlap] = imported.report.overlaps
    marked = [str(each["id"]) for each in await office.visits() if each["overbook"]]
    assert overlap == {"line": 14, "appointmentId": marked[0]}


async def test_the_same_file_twice_changes_nothing(office: Office) -> None:
    file = office.file(a_row(1), a_row(2, "09:30", "10:00", patient_phone=""))
    first = await office.take(file)
    before = await office.visits()

    again = await office.take(file)

    assert counted(first) == (2, 0, 0, 0)
    assert counted(again) == (0, 0, 2, 0)
    assert await office.visits() == before
    assert [(each["origin"], each["phone"]) for each in before] == [
        ("import", "+79160000001"),
        ("import", None),
    ]


async def test_a_row_that_has_changed_changes_its_appointment(office: Office) -> None:
    await office.take(office.file(a_row(1), a_row(2, "09:30", "10:00"), a_row(3, "10:00", "10:30")))
    swapped = office.file(
        a_row(1, "09:30", "10:00"), a_row(2, "09:00", "09:30"), a_row(3, status="cancelled")
    )

    moved = await office.take(swapped)
    back = await office.take(office.file(a_row(3, "10:00", "10:30")))

    assert moved.report.changed + len(moved.report.refused) == 3
    assert {each["status"] for each in await office.visits()} == {"confirmed", "cancelled"}
    assert counted(back) == (0, 0, 0, 1)
    assert back.report.refused[0]["reason"] == "status: the appointment is cancelled here"


async def test_a_patient_who_is_known_is_that_patient_and_may_not_be_in_two_places(
    office: Office,
) -> None:
    other = await office.clinic.hire(specialty="dentist")
    same = {"patient_name": "Anna Petrova", "patient_phone": "8 916 555-00-00"}
    kim = {"doctor": str(office.clinic.doctor_id)}
    file = office.file(
        a_row(1, **same | kim),
        a_row(2, "10:00", "10:30", **same | kim),
        a_row(3, "09:15", "09:45", **same | {"doctor": str(other)}),
        a_row(4, "11:00", "11:30", **kim | {"status": "no_show"}),
    )

    imported = await office.take(file)

    assert counted(imported) == (3, 0, 0, 1)
    assert imported.report.refused == [
        {"line": 4, "reason": "the patient has another appointment then"}
    ]
    first, second, _ = await office.visits()
    assert first["patient_id"] == second["patient_id"]


@pytest.mark.parametrize("text", ["a\0b@x.ru", "a\ud800b@x.ru"])
@pytest.mark.parametrize("column", ["external_id", "doctor", "patient_name", "phone", "email"])
async def test_a_text_that_postgresql_cannot_hold_is_refused_and_the_other_rows_are_taken(
    office: Office, column: str, text: str
) -> None:
    resource = an_appointment(office)
    [patient] = resource["contained"]
    match column:
        case "external_id":
            resource["id"] = text
        case "doctor":
            resource["participant"][1] = {"actor": {"reference": f"Practitioner/{text}"}}
        case "patient_name":
            patient["name"] = [{"text": text}]
        case _:
            patient["telecom"] = [{"system": column, "value": text}]

    imported = await office.take(lines(resource, an_appointment(office) | {"id": "F-2"}), Kind.FHIR)

    assert counted(imported) == (1, 0, 0, 1)
    assert imported.report.refused[0]["line"] == 1


@pytest.mark.parametrize("statement", [OF_DOCTORS, OF_PATIENTS, ON_DUTY])
async def test_each_span_is_looked_at_alone_whatever_the_planner_thinks_of_the_tables(
    office: Office, statement: SQL
) -> None:
    nothing: dict[str, object] = {"whose": [], "starts": [], "ends": []}
    async with office.database.lend(EVERYBODY) as connection:
        await connection.execute("SET LOCAL enable_nestloop = off")
        plan = await connection.execute(SQL("EXPLAIN {}").format(statement), nothing)
        told = "\n".join(line for (line,) in await plan.fetchall())

    assert "Nested Loop" in told
    assert "Join" not in told


async def test_outside_of_duty_an_appointment_keeps_its_time_and_nobody_else_gets_it(
    office: Office,
) -> None:
    await office.take(office.file(a_row(1, "08:30", "09:15"), a_row(2, "12:00", "12:30")))

    assert await office.shifts() == [
        ("05:30", "06:00", "closing"),
        ("06:00", "08:00", "open"),
        ("09:00", "09:30", "closing"),
    ]


async def test_what_a_file_says_is_announced_to_nobody(scratch: Database) -> None:
    office = Office(await open_clinic(scratch))
    await office.take(office.file(a_row(1)))
    await office.clinic.execute("UPDATE schedules SET updated_at = updated_at - interval '1 h'")

    async with scratch.connect() as connection:
        await connection.execute(SWEEP_EVENTS, {"batch": 10_000, "settled_after": 0})
        missed = await connection.execute(MISSED_OF_A_CLINIC, {"id": office.clinic.id})

    assert len(await office.visits()) == 1
    assert missed.scalar_one() == 0


async def test_two_doctors_of_one_name_are_told_apart_by_their_ids(office: Office) -> None:
    await office.clinic.hire()

    by_id = a_row(2, doctor=str(office.clinic.doctor_id))
    imported = await office.take(office.file(a_row(1), by_id))

    assert counted(imported) == (1, 0, 0, 1)
    assert "give the id" in str(imported.report.refused[0]["reason"])


async def test_a_further_try_goes_on_behind_what_was_written(office: Office) -> None:
    import_id = await office.keep(office.file(a_row(1), a_row(2, "09:30", "10:00")))
    await office.clinic.execute("UPDATE imports SET rows_read = 1 WHERE id = :id", id=import_id)

    found = await office.read(import_id)
    again = await office.read(import_id)

    assert counted(found) == counted(again) == (1, 0, 0, 0)
    assert (await staged(office.database, import_id)).content is None


async def test_a_time_that_is_taken_meanwhile_is_told_and_the_others_are_written(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if everybody had been looked at before the visit that is there was booked."""
    await office.clinic.book(at("09:00"))
    monkeypatch.setattr("adapters.postgres.import_taken.Taken.meets", lambda *_, **__: False)

    imported = await office.take(office.file(a_row(1), a_row(2, "09:30", "10:00")))

    assert counted(imported) == (1, 0, 0, 1)
    assert imported.report.refused[0]["line"] == 2


# FHIR.


def an_appointment(office: Office, *, status: str = "booked", stamp: str = "1") -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "id": "F-1",
        "meta": {"lastUpdated": f"2029-12-0{stamp}T09:00:00Z"},
        "status": status,
        "start": "2030-01-14T09:00:00+03:00",
        "end": "2030-01-14T09:30:00+03:00",
        "contained": [
            {
                "resourceType": "Patient",
                "id": "p1",
                "name": [{"given": ["Anna"], "family": str(office.clinic.id)}],
                "telecom": [{"system": "phone", "value": "+79160000001"}],
            }
        ],
        "participant": [
            {"actor": {"reference": "#p1"}},
            {"actor": {"reference": f"Practitioner/{office.clinic.doctor_id}"}},
        ],
    }


def lines(*resources: object) -> bytes:
    return "\n".join(json.dumps(each) for each in resources).encode()


async def test_an_appointment_of_fhir_counts_by_its_stamp(office: Office) -> None:
    first = await office.take(lines(an_appointment(office, stamp="2")), Kind.FHIR)
    older = lines(an_appointment(office, status="cancelled"))
    late = await office.take(older, Kind.FHIR)
    newer = lines(an_appointment(office, status="cancelled", stamp="3"))
    last = await office.take(newer, Kind.FHIR)

    assert [counted(each) for each in (first, late, last)] == [
        (1, 0, 0, 0),
        (0, 0, 1, 0),
        (0, 1, 0, 0),
    ]
    [visit] = await office.visits()
    assert (visit["status"], visit["full_name"]) == ("cancelled", f"Anna {office.clinic.id}")


async def test_a_free_slot_of_fhir_opens_its_time(office: Office) -> None:
    slot = {
        "resourceType": "Slot",
        "schedule": {"display": "Dr Kim"},
        "start": "2030-01-14T10:30:00+03:00",
        "end": "2030-01-14T11:30:00+03:00",
        "status": "free",
    }
    file = lines(slot, slot | {"status": "busy"})

    rehearsed = await office.take(file, Kind.FHIR, dry_run=True)
    imported = await office.take(file, Kind.FHIR)
    again = await office.take(file, Kind.FHIR)

    assert rehearsed.report == imported.report
    assert (counted(imported), counted(again)) == ((1, 0, 1, 0), (0, 0, 2, 0))
    assert await office.shifts() == [("06:00", "08:00", "open"), ("08:00", "08:30", "open")]


# Its run, and the API.


async def test_a_run_carries_the_id_alone(office: Office, stand_ins: Temporal) -> None:
    importing = Importing(office.database, TemporalConnection(stand_ins))
    file = office.file(a_row(1))

    async with plans_worker(
        stand_ins, shifts=Shifts(office.database), imports=Imports(office.database)
    ):
        import_id = await importing.begin(office.clinic.id, Kind.CSV, file, SYSTEM, dry_run=True)
        run = stand_ins.get_workflow_handle_for(ImportSchedule.run, f"import-{import_id}")
        rows = await run.result()
        history = (await run.fetch_history()).to_json()

    assert rows == 1
    assert str(import_id) in history
    assert "Patient 1" not in history


@pytest.fixture
async def http(api: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=api, timeout=20) as client:
        yield client


async def test_a_file_is_not_kept_while_temporal_is_away(
    office: Office, http: httpx.AsyncClient
) -> None:
    answer = await http.post(
        "/imports",
        params={"clinicId": str(office.clinic.id)},
        content=office.file(a_row(1)),
        headers={"content-type": "text/csv"},
    )

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_the_report_is_read_by_its_id(office: Office, http: httpx.AsyncClient) -> None:
    waits = await office.keep(office.file(a_row(1)))
    running = (await http.get(f"/imports/{waits}")).json()
    await office.read(waits)

    done = (await http.get(f"/imports/{waits}")).json()
    unknown = await http.get(f"/imports/{uuid4()}")

    assert (running["state"], done["state"], done["created"]) == ("running", "done", 1)
    assert unknown.json()["code"] == "import_not_found"


class Interrupted(BaseException):
    """The worker has died: no step can say anything of it any more."""


async def test_the_rows_of_a_running_import_grow(office: Office, http: httpx.AsyncClient) -> None:
    """Each worker that reads it dies after some rows, so that there is time to look."""
    many = 4 * ROWS_AT_ONCE
    day = datetime.fromisoformat("2030-01-14")
    begins = [(day + timedelta(minutes=30 * nth)).isoformat() for nth in range(many + 1)]
    rows = [
        a_row(nth, starts_at=begins[nth], ends_at=begins[nth + 1], patient_phone="")
        for nth in range(many)
    ]
    import_id = await office.keep(office.file(*rows))

    def dies(*_rows: object) -> None:
        raise Interrupted

    worker = ActivityEnvironment()
    worker.on_heartbeat = dies
    seen = [(await http.get(f"/imports/{import_id}")).json()]
    while seen[-1]["state"] == "running":
        with suppress(Interrupted):
            await worker.run(Imports(office.database).import_rows, import_id)
        seen.append((await http.get(f"/imports/{import_id}")).json())

    told = [each["rows"] for each in seen]
    assert told == [*range(0, many + 1, ROWS_AT_ONCE), many]
    assert [each["created"] for each in seen] == told


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"a,b\n1,2\n", "text/csv", 422, "malformed"),
        (b"\xff\xfe\x00", "text/csv", 422, "malformed"),
        (b"{}", "application/json", 415, "malformed"),
        (b"x" * (16 * 1024 * 1024 + 1), "text/csv", 413, "too_large"),
    ],
)
async def test_what_is_no_such_file_is_refused_at_once(  # noqa: PLR0913, PLR0917 - cases
    office: Office, http: httpx.AsyncClient, content: bytes, kind: str, status: int, code: str
) -> None:
    answer = await http.post(
        "/imports",
        params={"clinicId": str(office.clinic.id)},
        content=content,
        headers={"content-type": kind},
    )

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_only_a_clinic_takes_a_file(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/imports",
        params={"clinicId": str(uuid4())},
        content=EXAMPLE,
        headers={"content-type": "text/csv"},
    )

    assert answer.json()["code"] == "clinic_not_found"


async def test_a_file_that_nobody_will_read_is_forgotten(office: Office) -> None:
    import_id = await office.keep(EXAMPLE)

    await forget(office.database, import_id)

    with pytest.raises(ImportNotFound):
        await find_import(office.database, import_id)
