"""Rates of coming, against rows that are counted by hand."""

from datetime import timedelta
from uuid import UUID, uuid4

import httpx

from adapters.postgres.attendance_rates import Attended, attendance_rates
from adapters.postgres.reads import read
from tests.clinic_rows import Clinic, at
from tests.integration.years import AS_THEY_ARE

HALF_AN_HOUR = timedelta(minutes=30)
CONFIRM = "UPDATE schedules SET status = 'confirmed', confirmed_at = :at WHERE id = :id"
LONG_AGO = "UPDATE schedules SET updated_at = updated_at - interval '29 days' WHERE id = %s"

ENDED = (
    ("completed", 0.5),
    ("completed", 0.9),
    ("no_show", 0.5),
    ("no_show", 1.0),
    ("arrived", 3.9),
    ("cancelled", 4.0),
    ("completed", 31.0),
    ("confirmed", 2.0),
)
"""What became of each, and how many days ahead it was booked."""


async def rows_of(clinic: Clinic, specialty: str) -> list[UUID]:
    doctor = await clinic.hire(specialty=specialty)
    await clinic.on_duty(at("09:00"), at("18:00"), doctor_id=doctor)
    made = []
    for nth, (became, days) in enumerate(ENDED):
        starts_at = at("09:00") + nth * HALF_AN_HOUR
        visit = await clinic.hold(starts_at, doctor_id=doctor)
        await clinic.execute(CONFIRM, id=visit, at=starts_at - timedelta(days=days))
        if became != "confirmed":
            await clinic.becomes(visit, became)
        made.append(visit)
    return made


async def test_those_who_came_and_those_who_did_not_are_counted_by_how_long_ahead_they_booked(
    clinic: Clinic,
) -> None:
    specialty = f"rates {uuid4()}"
    await rows_of(clinic, specialty)

    found = await read(clinic.database, attendance_rates)

    [of_it] = [each for each in found if each.specialty == specialty]
    assert of_it.by_lead == {
        0: Attended(completed=2, no_show=1),
        1: Attended(arrived=1, no_show=1),
        2: Attended(cancelled=1),
        5: Attended(completed=1),
    }
    assert of_it.total == Attended(arrived=1, completed=3, no_show=2, cancelled=1)
    assert (of_it.total.came, of_it.total.no_show_percent) == (4, 33.3)
    assert of_it.by_lead[2].no_show_percent is None


async def test_what_ended_long_ago_counts_no_longer_and_operations_read_the_rest(
    clinic: Clinic, api: str
) -> None:
    specialty = f"rates {uuid4()}"
    first, *_ = await rows_of(clinic, specialty)
    async with clinic.database.connect() as connection:
        await connection.exec_driver_sql(AS_THEY_ARE)
        await connection.exec_driver_sql(LONG_AGO, (first,))
        await connection.exec_driver_sql("RESET ALL")

    async with httpx.AsyncClient(timeout=20, headers={"accept": "text/html"}) as http:
        page = (await http.get(f"{api.removesuffix('/api/v1')}/ops")).text

    rows = {
        row.partition('"')[0]: row.partition("</tr>")[0] for row in page.split('data-rate="')[1:]
    }
    figures = rows[specialty].split('<td class="figures">')[1:]
    assert [each.partition("<")[0] for each in figures] == ["1", "2", "2", "1", "40.0 %"]
    assert "less than a day" in rows[f"{specialty}-0"]
    assert "31 days and more" in rows[f"{specialty}-5"]
