"""The form of a doctor's hours: what is saved as it was shown leaves all as it is."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from tests.clinic_rows import Clinic
from tests.integration.manager import Manager, values


async def shifts_of(clinic: Clinic) -> list[datetime]:
    asked = text(
        "SELECT lower(during) FROM shifts WHERE doctor_id = :id AND state = 'open' ORDER BY during"
    )
    async with clinic.database.connect() as connection:
        found = await connection.execute(asked, {"id": clinic.doctor_id})
        return [row[0] for row in found]


async def test_hours_of_every_second_week_that_are_saved_as_shown_keep_their_weeks(
    manager: Manager, clinic: Clinic
) -> None:
    place = f"/manage/doctors/{clinic.doctor_id}/plan"
    last_week = datetime.now(UTC).date() - timedelta(days=7)
    hours = {"weekday": "3", "from": "09:00", "until": "12:00", "everyWeeks": "2"}
    first = hours | {"effectiveFrom": str(last_week), "effectiveUntil": "", "version": "0"}
    await manager.sends(place, first)
    before = await shifts_of(clinic)

    form = await manager.sees(place)
    shown = {name: values(form, name)[0] for name in ("effectiveFrom", "version")}
    await manager.sends(place, first | shown)

    assert shown["version"] == "1"
    assert len(before) > 5
    assert await shifts_of(clinic) == before
