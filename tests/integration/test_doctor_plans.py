"""A doctor's weekly plan over HTTP: bookable at once, and nobody left behind."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import text

from adapters.postgres.take import hold_slot
from adapters.postgres.transactions import TransactionLimit
from domain.errors import NotASlot
from tests import clinic_rows
from tests.builders import a_request
from tests.clinic_rows import Clinic

TODAY = datetime.now(ZoneInfo("Europe/Moscow")).date()
DAY = TODAY + timedelta(days=21 - TODAY.weekday())
"""A Monday within the horizon, and with another one before it."""

EMPTY = {"version": 0, "weekly": []}
MORNINGS: dict[str, Any] = {
    "effectiveFrom": str(DAY),
    "effectiveUntil": str(DAY),
    "weekly": [{"weekday": 1, "from": "09:00", "until": "13:00"}],
    "version": 0,
}
AFTERNOONS = MORNINGS | {"weekly": [{"weekday": 1, "from": "10:00", "until": "24:00"}]}


@dataclass(frozen=True)
class Desk:
    """A clinic whose doctor is on duty from nine to eleven on a Monday."""

    http: httpx.AsyncClient
    clinic: Clinic

    async def put(self, body: object, status: int = 200, **query: str) -> dict[str, Any]:
        path = f"/doctors/{self.clinic.doctor_id}/plan"
        answer = await self.http.put(path, json=body, params=query)
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def plan(self) -> dict[str, Any]:
        found: dict[str, Any] = (
            await self.http.get(f"/doctors/{self.clinic.doctor_id}/plan")
        ).json()
        return found

    async def free(self, day: object = DAY) -> list[str]:
        path = f"/doctors/{self.clinic.doctor_id}/schedule"
        answer = await self.http.get(path, params={"date": str(day)})
        return [
            each["dateTime"][11:16] for each in answer.json()["slots"] if each["state"] == "free"
        ]

    async def shifts(self) -> list[tuple[str, str, str, int]]:
        asked = text(
            "SELECT to_char(lower(during), 'HH24:MI'), to_char(upper(during), 'HH24:MI'), state,"
            " revision FROM shifts WHERE doctor_id = :id ORDER BY during"
        )
        async with self.clinic.database.connect() as connection:
            rows = await connection.execute(asked, {"id": self.clinic.doctor_id})
            return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def written(self) -> list[tuple[int, date, str]]:
        """Every plan that ever was: its version, its first day, when its week begins."""
        asked = text(
            "SELECT version, effective_from, weekly -> 0 ->> 'from' FROM plans"
            " WHERE doctor_id = :id ORDER BY version"
        )
        async with self.clinic.database.connect() as connection:
            rows = await connection.execute(asked, {"id": self.clinic.doctor_id})
            return [(row[0], row[1], row[2]) for row in rows]


@pytest.fixture
async def desk(api: str, clinic: Clinic) -> AsyncIterator[Desk]:
    await on_duty_soon(clinic)
    async with httpx.AsyncClient(base_url=api, timeout=20) as http:
        yield Desk(http, clinic)


async def on_duty_soon(clinic: Clinic) -> None:
    """What is far ahead is not published by a plan."""
    await clinic.execute("DELETE FROM shifts WHERE doctor_id = :id", id=clinic.doctor_id)
    await clinic.on_duty(at("09:00"), at("11:00"))


def at(clock: str) -> datetime:
    return clinic_rows.at(clock, DAY)


async def test_a_plan_takes_the_place_of_what_there_was(desk: Desk) -> None:
    before = await desk.plan()
    written = await desk.put(MORNINGS)

    assert before == EMPTY
    assert written == await desk.plan() == MORNINGS | {"version": 1}
    assert await desk.free() == [
        "06:00",
        "06:30",
        "07:00",
        "07:30",
        *["08:00", "08:30"],
        "09:00",
        "09:30",
    ]


async def test_a_plan_is_superseded_from_its_date_on_and_never_edited(desk: Desk) -> None:
    week_before = DAY - timedelta(days=7)

    await desk.put(MORNINGS | {"effectiveFrom": str(week_before)})
    await desk.put(AFTERNOONS | {"version": 1})

    assert await desk.written() == [(1, week_before, "09:00"), (2, DAY, "10:00")]
    assert (await desk.free(week_before))[0] == "06:00"
    assert (await desk.free())[0] == "07:00"


async def test_a_stale_version_changes_nothing(desk: Desk) -> None:
    await desk.put(MORNINGS)

    refused = await desk.put(AFTERNOONS, 409)

    assert refused["code"] == "changed"
    assert (await desk.plan())["version"] == 1


async def test_a_plan_of_today_can_be_booked_at_once_as_far_as_the_horizon(desk: Desk) -> None:
    every_day = [
        {"weekday": day, "from": "09:00", "until": "10:00", "everyWeeks": 2} for day in range(1, 8)
    ]
    await desk.clinic.execute("DELETE FROM shifts WHERE doctor_id = :id", id=desk.clinic.doctor_id)

    plan = await desk.put(
        MORNINGS | {"effectiveFrom": "2024-01-01", "effectiveUntil": None, "weekly": every_day}
    )

    assert plan["weekly"] == every_day
    assert 42 <= len(await desk.shifts()) <= 49


async def test_visits_that_would_fall_outside_are_shown_before_anything_is_done(desk: Desk) -> None:
    visit = await desk.clinic.book(at("09:00"))
    await desk.clinic.hold(at("09:30"))
    before = await desk.shifts()

    shown = await desk.put(AFTERNOONS, dryRun="true")
    refused = await desk.put(AFTERNOONS, 409)

    first = [{"appointmentId": str(visit), "dateTime": f"{DAY}T06:00:00Z"}]
    assert {"visits": 1, "held": 1, "withoutContact": 0, "first": first}.items() <= shown.items()
    assert refused["code"] == "visits_affected"
    assert shown.items() <= refused.items()
    assert (await desk.plan(), await desk.shifts()) == (EMPTY, before)


async def test_with_the_digest_the_visit_keeps_its_time_and_the_rest_is_cut(desk: Desk) -> None:
    visit = await desk.clinic.book(at("09:00"))
    shown = await desk.put(AFTERNOONS, dryRun="true")

    written = await desk.put(AFTERNOONS | {"digest": shown["digest"]})

    found = [each[:3] for each in await desk.shifts()]
    assert written["weekly"] == AFTERNOONS["weekly"]
    assert found == [("06:00", "06:30", "closing"), ("07:00", "21:00", "open")]
    await desk.clinic.becomes(visit, "cancelled")
    assert (await desk.free())[0] == "07:00"
    with pytest.raises(NotASlot):
        await hold_slot(desk.clinic.database, TransactionLimit(1), await a_wish(desk.clinic))


async def test_a_preview_that_is_no_longer_true_is_refused(desk: Desk) -> None:
    await desk.clinic.book(at("09:00"))
    shown = await desk.put(AFTERNOONS, dryRun="true")
    await desk.clinic.book(at("09:30"))

    refused = await desk.put(AFTERNOONS | {"digest": shown["digest"]}, 409)

    assert refused["code"] == "changed"
    assert await desk.plan() == EMPTY


async def test_a_day_that_stays_as_it_is_is_not_written_anew(desk: Desk) -> None:
    [was] = await desk.shifts()
    same = MORNINGS | {"weekly": [{"weekday": 1, "from": "09:00", "until": "11:00"}]}

    await desk.put(same)

    assert await desk.shifts() == [was]


async def test_a_lapsed_hold_does_not_stand_in_the_way(desk: Desk) -> None:
    hold = await desk.clinic.hold(at("09:00"))
    await desk.clinic.execute(
        "UPDATE schedules SET held_until = clock_timestamp() - interval '1 s' WHERE id = :id",
        id=hold,
    )

    await desk.put(AFTERNOONS)

    assert (await desk.free())[0] == "07:00"


async def test_a_visit_that_is_outside_already_is_not_shown_again(desk: Desk) -> None:
    await desk.clinic.book(at("09:00"))
    shown = await desk.put(AFTERNOONS, dryRun="true")
    await desk.put(AFTERNOONS | {"digest": shown["digest"]})

    again = await desk.put(AFTERNOONS | {"version": 1}, dryRun="true")

    assert again["visits"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"weekly": [{"weekday": 8, "from": "09:00", "until": "10:00"}]},
        {"weekly": [{"weekday": 1, "from": "9:00", "until": "10:00"}]},
        {"weekly": [{"weekday": 1, "from": "10:00", "until": "10:00"}]},
        {"weekly": MORNINGS["weekly"] * 2},
        {"effectiveUntil": str(DAY - timedelta(days=1))},
        {"version": -1},
    ],
)
async def test_a_plan_that_makes_no_sense_is_malformed(desk: Desk, wrong: dict[str, Any]) -> None:
    refused = await desk.put(MORNINGS | wrong, 422)

    assert refused["code"] == "malformed"


async def test_only_a_doctor_has_a_plan(desk: Desk) -> None:
    answer = await desk.http.get(f"/doctors/{uuid4()}/plan")
    put = await desk.http.put(f"/doctors/{uuid4()}/plan", json=MORNINGS)

    assert [each.json()["code"] for each in (answer, put)] == ["doctor_not_found"] * 2


async def a_wish(clinic: Clinic) -> Any:
    patient: UUID = await clinic.patient()
    return a_request(
        appointment_id=uuid4(),
        patient_id=patient,
        doctor_id=clinic.doctor_id,
        clinic_id=clinic.id,
        starts_at=at("09:00"),
    )
