"""Exceptions from plans over HTTP: closed first, cut where it is empty, and nobody left behind."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.postgres.take import hold_slot
from adapters.postgres.transactions import TransactionLimit
from adapters.postgres.withdrawing import withdraw_exception
from domain.actors import SYSTEM
from domain.errors import Refused
from tests.builders import a_request
from tests.clinic_rows import DAY, Clinic, at, refused_by
from tests.fakes.issuer import FakeIssuer
from tests.integration.test_offers import on_duty_from

LEAVE: dict[str, Any] = {
    "kind": "remove",
    "from": f"{DAY}T09:00",
    "until": f"{DAY}T10:00",
    "reason": "vacation",
}
EXTRA = LEAVE | {"kind": "add", "from": f"{DAY}T10:30", "until": f"{DAY}T12:00", "reason": "other"}
EVENING = [("06:00", "06:30", "closing"), ("07:00", "08:00", "open")]


@dataclass(frozen=True)
class Desk:
    """A clinic whose doctor is on duty from nine to eleven, Moscow time, on a day far ahead."""

    http: httpx.AsyncClient
    clinic: Clinic

    async def ask(self, body: object, status: int = 200, **query: str) -> dict[str, Any]:
        path = f"/doctors/{self.clinic.doctor_id}/exceptions"
        return await self.told(await self.http.post(path, json=body, params=query), status)

    async def told(self, answer: httpx.Response, status: int = 200) -> dict[str, Any]:
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def accepted(self, body: dict[str, Any]) -> dict[str, Any]:
        shown = await self.ask(body, dryRun="true")
        return await self.ask(body | {"digest": shown["digest"]}, 202)

    async def campaign(self, campaign_id: str, word: str = "") -> dict[str, Any]:
        if word:
            return await self.told(await self.http.post(f"/campaigns/{campaign_id}/{word}"))
        return await self.told(await self.http.get(f"/campaigns/{campaign_id}"))

    async def shifts(self, doctor_id: UUID | None = None) -> list[tuple[str, str, str]]:
        async with self.clinic.database.lend() as connection:
            found = await connection.execute(
                "SELECT to_char(lower(during), 'HH24:MI'), to_char(upper(during), 'HH24:MI'),"
                " state FROM shifts WHERE doctor_id = %s ORDER BY during",
                [doctor_id or self.clinic.doctor_id],
            )
            return [(str(a), str(b), str(c)) for a, b, c in await found.fetchall()]


@pytest.fixture
async def desk(api: str, clinic: Clinic) -> AsyncIterator[Desk]:
    async with httpx.AsyncClient(base_url=api, timeout=20) as http:
        yield Desk(http, clinic)


async def test_a_preview_says_who_is_affected_and_changes_nothing(desk: Desk) -> None:
    visit = await desk.clinic.book(at("09:00"))
    await desk.clinic.hold(at("09:30"))
    await desk.clinic.book(at("10:00"))
    before = await desk.shifts()

    shown = await desk.ask(LEAVE, dryRun="true")
    refused = await desk.ask(LEAVE, 409)

    first = [{"appointmentId": str(visit), "dateTime": "2030-01-14T06:00:00Z"}]
    assert {"visits": 1, "held": 1, "withoutContact": 0, "first": first}.items() <= shown.items()
    assert refused["code"] == "visits_affected"
    assert shown.items() <= refused.items()
    assert await desk.shifts() == before


async def test_with_the_digest_the_time_closes_and_what_is_empty_goes(desk: Desk) -> None:
    visit = await desk.clinic.book(at("09:00"))

    made = await desk.accepted(LEAVE)

    campaign = await desk.campaign(made["campaignId"])
    listed = await desk.told(
        await desk.http.get(f"/campaigns/{made['campaignId']}/visits?state=left")
    )
    assert await desk.shifts() == EVENING
    assert (campaign["state"], campaign["total"], campaign["left"]) == ("running", 1, 1)
    assert [each["appointmentId"] for each in listed["items"]] == [str(visit)]
    delete = desk.clinic.execute(
        "DELETE FROM shifts WHERE doctor_id = :id", id=desk.clinic.doctor_id
    )
    assert await refused_by(delete) == "schedules_in_shift"


async def test_a_visit_that_only_reaches_into_it_is_affected(desk: Desk) -> None:
    await desk.clinic.book(at("09:00"))

    shown = await desk.ask(LEAVE | {"from": f"{DAY}T09:15"}, dryRun="true")

    assert shown["visits"] == 1


async def test_the_same_digest_again_is_one_campaign(desk: Desk) -> None:
    await desk.clinic.book(at("09:00"))
    shown = await desk.ask(LEAVE, dryRun="true")

    twice = [desk.ask(LEAVE | {"digest": shown["digest"]}, 202) for _ in range(5)]
    answers = await asyncio.gather(*twice)

    assert len({str(each) for each in answers}) == 1
    assert await desk.shifts() == EVENING


async def test_a_preview_that_is_no_longer_true_is_refused(desk: Desk) -> None:
    await desk.clinic.book(at("09:00"))
    shown = await desk.ask(LEAVE, dryRun="true")
    await desk.clinic.book(at("09:30"))

    refused = await desk.ask(LEAVE | {"digest": shown["digest"]}, 409)

    assert refused["code"] == "changed"


async def test_where_nobody_is_affected_no_preview_is_needed(desk: Desk) -> None:
    made = await desk.ask(LEAVE, 202)

    assert await desk.shifts() == [("07:00", "08:00", "open")]
    assert (await desk.campaign(made["campaignId"]))["state"] == "done"


async def test_time_that_is_added_can_be_booked_and_is_taken_away_again(desk: Desk) -> None:
    made = await desk.ask(EXTRA, 202)

    with_it = await desk.shifts()
    await desk.told(await desk.http.delete(f"/exceptions/{made['exceptionId']}"))

    assert with_it == [("06:00", "08:00", "open"), ("08:00", "09:00", "open")]
    assert await desk.shifts() == [("06:00", "08:00", "open")]


async def test_time_that_was_there_without_it_stays_and_so_do_its_visits(desk: Desk) -> None:
    made = await desk.ask(EXTRA, 202)
    await desk.clinic.book(at("10:30"))

    await desk.told(await desk.http.delete(f"/exceptions/{made['exceptionId']}"))

    assert await desk.shifts() == [("06:00", "08:00", "open")]


async def test_time_that_another_one_adds_as_well_stays(desk: Desk) -> None:
    made = await desk.ask(EXTRA, 202)
    await desk.ask(EXTRA | {"from": f"{DAY}T11:00", "until": f"{DAY}T13:00"}, 202)
    before = await desk.shifts()

    await desk.told(await desk.http.delete(f"/exceptions/{made['exceptionId']}"))

    assert await desk.shifts() == before


async def test_what_stays_without_an_added_time_is_what_the_plans_say_now(desk: Desk) -> None:
    """One that was on duty there when it was added is not, and the other way round."""
    made = await desk.ask(EXTRA | {"from": f"{DAY}T10:00", "until": f"{DAY}T12:30"}, 202)
    await on_duty_from(desk.clinic, 10)
    await on_duty_from(desk.clinic, 12, version=1)
    with_it = await desk.shifts()

    await withdraw_exception(
        desk.clinic.database, UUID(made["exceptionId"]), SYSTEM, horizon_days=9_000
    )

    assert with_it == [("07:00", "09:00", "open"), ("09:00", "10:00", "open")]
    assert await desk.shifts() == [("09:00", "10:00", "open")]


async def test_time_that_somebody_has_booked_is_not_taken_away_unseen(desk: Desk) -> None:
    made = await desk.ask(EXTRA, 202)
    await desk.clinic.book(at("11:00"))

    answer = await desk.http.delete(f"/exceptions/{made['exceptionId']}")

    assert (answer.status_code, answer.json()["code"]) == (409, "visits_affected")


async def test_what_is_left_of_a_withdrawn_exception_is_open_again(desk: Desk) -> None:
    await desk.clinic.book(at("09:00"))
    made = await desk.accepted(LEAVE)

    twice = [
        await desk.told(await desk.http.delete(f"/exceptions/{made['exceptionId']}"))
        for _ in range(2)
    ]

    shown = {**LEAVE, "exceptionId": made["exceptionId"], "doctorId": str(desk.clinic.doctor_id)}
    assert twice == [shown, shown]
    assert await desk.shifts() == [("06:00", "07:00", "open"), ("07:00", "08:00", "open")]
    assert (await desk.campaign(made["campaignId"]))["state"] == "stopped"
    again = await desk.accepted(LEAVE)
    assert again["exceptionId"] != made["exceptionId"]
    assert await desk.shifts() == EVENING


async def test_what_the_opposite_has_undone_is_made_again(desk: Desk) -> None:
    """By the very same words: it is another exception, and each digest still names its own."""
    opposite = LEAVE | {"kind": "add"}
    shown = await desk.ask(LEAVE, dryRun="true")
    first = await desk.ask(LEAVE | {"digest": shown["digest"]}, 202)
    opened = await desk.ask(opposite, 202)
    open_again = await desk.shifts()

    second = await desk.ask(LEAVE, 202)
    closed = await desk.shifts()
    opened_again = await desk.ask(opposite, 202)

    assert ("06:00", "07:00", "open") in open_again
    assert closed == [("07:00", "08:00", "open")]
    assert await desk.shifts() == open_again
    assert len({each["exceptionId"] for each in (first, opened, second, opened_again)}) == 4
    assert await desk.ask(LEAVE | {"digest": shown["digest"]}, 202) == first


async def test_the_opposite_for_others_or_at_another_time_makes_nothing_anew(desk: Desk) -> None:
    other = await desk.clinic.hire()
    made = await desk.ask(LEAVE, 202)
    await desk.ask(EXTRA, 202)
    path = f"/doctors/{other}/exceptions"
    await desk.told(await desk.http.post(path, json=LEAVE | {"kind": "add"}), 202)

    assert await desk.ask(LEAVE, 202) == made


async def test_a_withdrawn_exception_leaves_what_another_one_takes(desk: Desk) -> None:
    made = await desk.ask(LEAVE, 202)
    await desk.ask(LEAVE | {"from": f"{DAY}T09:30", "reason": "training"}, 202)

    await desk.told(await desk.http.delete(f"/exceptions/{made['exceptionId']}"))

    assert await desk.shifts() == [("06:00", "06:30", "open"), ("07:00", "08:00", "open")]


async def test_every_later_plan_respects_an_exception(desk: Desk) -> None:
    await desk.ask(EXTRA | {"from": f"{DAY}T13:00", "until": f"{DAY}T14:00"}, 202)
    made = await desk.ask(LEAVE, 202)

    await on_duty_from(desk.clinic, 9, lasts=4)
    planned = await desk.shifts()
    await desk.told(await desk.http.delete(f"/exceptions/{made['exceptionId']}"))

    assert planned[0] == ("07:00", "10:00", "open")
    assert planned[1] == ("10:00", "11:00", "open")
    assert (await desk.shifts())[0] == ("06:00", "07:00", "open")


async def test_the_visits_outside_a_plan_are_a_campaign(desk: Desk) -> None:
    await desk.clinic.book(at("09:00"))
    plan = f"/doctors/{desk.clinic.doctor_id}/plan"
    week = [{"weekday": 1, "from": "10:00", "until": "24:00"}]
    later: dict[str, Any] = {"effectiveFrom": str(DAY), "weekly": week, "version": 0}
    shown = await desk.told(await desk.http.put(plan, json=later, params={"dryRun": "true"}))
    later |= {"digest": shown["digest"]}

    written = await desk.told(await desk.http.put(plan, json=later))
    again = await desk.told(await desk.http.put(plan, json=later))

    assert again == written
    assert (await desk.campaign(written["campaignId"]))["left"] == 1


async def test_an_exception_of_a_clinic_is_of_each_of_its_doctors(desk: Desk) -> None:
    other = await desk.clinic.hire()
    await desk.clinic.on_duty(at("08:00"), at("12:00"), doctor_id=other)
    await desk.clinic.book(at("09:00"), doctor_id=other)
    path = f"/clinics/{desk.clinic.id}/exceptions"
    shown = await desk.told(await desk.http.post(path, json=LEAVE, params={"dryRun": "true"}))

    made = await desk.told(
        await desk.http.post(path, json=LEAVE | {"digest": shown["digest"]}), 202
    )

    assert await desk.shifts() == [("07:00", "08:00", "open")]
    assert await desk.shifts(other) == [
        ("05:00", "06:00", "open"),
        ("06:00", "06:30", "closing"),
        ("07:00", "09:00", "open"),
    ]
    assert (await desk.campaign(made["campaignId"]))["total"] == 1


async def test_time_that_a_clinic_adds_can_be_booked_with_each_of_its_doctors(desk: Desk) -> None:
    other, path = await desk.clinic.hire(), f"/clinics/{desk.clinic.id}/exceptions"

    made = await desk.told(await desk.http.post(path, json=EXTRA), 202)
    both = await desk.shifts(), await desk.shifts(other)
    await desk.told(await desk.http.delete(f"/exceptions/{made['exceptionId']}"))

    assert both == (
        [("06:00", "08:00", "open"), ("08:00", "09:00", "open")],
        [("07:30", "09:00", "open")],
    )
    assert await desk.shifts(other) == []


async def test_parts_of_a_campaign_follow_the_visits_and_add_up(desk: Desk) -> None:
    visits = [await desk.clinic.book(at(clock)) for clock in ("09:00", "09:30")]
    await desk.clinic.execute(
        "UPDATE patients SET phone = NULL, email = NULL"
        " WHERE id = (SELECT patient_id FROM schedules WHERE id = :id)",
        id=visits[1],
    )
    made = await desk.accepted(LEAVE)
    before = await desk.campaign(made["campaignId"])
    await desk.clinic.becomes(visits[0], "cancelled")

    after = await desk.campaign(made["campaignId"])

    assert (before["left"], before["withoutContact"], before["state"]) == (1, 1, "running")
    assert (after["cancelled"], after["withoutContact"], after["state"]) == (1, 1, "done")
    path = f"/campaigns/{made['campaignId']}/visits"
    page = await desk.told(await desk.http.get(path, params={"limit": 1}))
    rest = await desk.told(await desk.http.get(path, params={"cursor": page["next"]}))
    assert [each["state"] for each in page["items"] + rest["items"]] == [
        "cancelled",
        "withoutContact",
    ]


async def test_a_campaign_is_paused_resumed_and_stopped_for_good(desk: Desk) -> None:
    await desk.clinic.book(at("09:00"))
    campaign_id = (await desk.accepted(LEAVE))["campaignId"]

    words = ["pause", "pause", "resume", "stop", "stop"]
    states = [(await desk.campaign(campaign_id, word))["state"] for word in words]
    refused = await desk.http.post(f"/campaigns/{campaign_id}/resume")

    assert states == ["paused", "paused", "running", "stopped", "stopped"]
    assert (refused.status_code, refused.json()["code"]) == (409, "changed")


async def test_nothing_in_it_can_be_held_from_the_answer_on(desk: Desk) -> None:
    """Clients hold and let go while the manager tries until he is answered, and once more then."""
    closed = asyncio.Event()
    late: list[str] = []
    turns = TransactionLimit(4)
    patients = [await desk.clinic.patient() for _ in range(20)]

    async def hold_and_let_go(patient_id: UUID, clock: str) -> None:
        began_after = closed.is_set()
        wish = a_request(
            appointment_id=uuid4(),
            patient_id=patient_id,
            doctor_id=desk.clinic.doctor_id,
            clinic_id=desk.clinic.id,
            starts_at=at(clock),
        )
        try:
            hold = await hold_slot(desk.clinic.database, turns, wish)
        except Refused:
            return
        if began_after:
            late.append("held")
        await desk.clinic.becomes(hold.appointment.appointment_id, "cancelled")

    async def client(patient_id: UUID) -> None:
        for clock in ("09:00", "09:30") * 5:
            await hold_and_let_go(patient_id, clock)

    async def manager() -> None:
        path = f"/doctors/{desk.clinic.doctor_id}/exceptions"
        for _ in range(100):
            shown = await desk.ask(LEAVE, dryRun="true")
            answer = await desk.http.post(path, json=LEAVE | {"digest": shown["digest"]})
            if answer.status_code == 202:
                closed.set()
                return

    await asyncio.gather(manager(), *(client(each) for each in patients))
    await asyncio.gather(*(hold_and_let_go(each, "09:00") for each in patients))
    async with desk.clinic.database.lend() as connection:
        found = await connection.execute(
            "SELECT count(*) FROM shifts WHERE doctor_id = %s AND state = 'open'"
            " AND during && tstzrange(%s, %s)",
            [desk.clinic.doctor_id, at("09:00"), at("10:00")],
        )
        assert await found.fetchone() == (0,)

    assert closed.is_set()
    assert late == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"until": f"{DAY}T09:00"},
        {"from": f"{DAY}T09:00+03:00"},
        {"from": "2030-02-30T09:00"},
        {"from": "1999-12-31T09:00"},
        {"from": "2020-01-01T09:00", "until": "2020-01-02T09:00"},
        {"kind": "cut"},
        {"reason": "tired"},
        {"policy": "forget"},
    ],
)
async def test_an_exception_that_makes_no_sense_is_malformed(
    desk: Desk, wrong: dict[str, Any]
) -> None:
    refused = await desk.ask(LEAVE | wrong, 422)

    assert refused["code"] == "malformed"


async def test_only_what_there_is_has_exceptions_and_campaigns(desk: Desk) -> None:
    nobody = uuid4()

    answers = [
        await desk.http.post(f"/doctors/{nobody}/exceptions", json=LEAVE),
        await desk.http.post(f"/clinics/{nobody}/exceptions", json=LEAVE),
        await desk.http.delete(f"/exceptions/{nobody}"),
        await desk.http.get(f"/campaigns/{nobody}"),
        await desk.http.get(f"/campaigns/{nobody}/visits?state=nowhere"),
    ]

    assert [each.json()["code"] for each in answers] == [
        "doctor_not_found",
        "clinic_not_found",
        "exception_not_found",
        "campaign_not_found",
        "malformed",
    ]


async def test_an_exception_that_is_over_stays_as_it_was(desk: Desk) -> None:
    made = await desk.ask(LEAVE, 202)
    await desk.clinic.execute(
        "UPDATE exceptions SET wall_from = '2020-01-01', wall_until = '2020-01-02' WHERE id = :id",
        id=UUID(made["exceptionId"]),
    )

    await desk.told(await desk.http.delete(f"/exceptions/{made['exceptionId']}"))

    assert await desk.shifts() == [("07:00", "08:00", "open")]


async def test_a_day_is_shown_as_it_is_at_once(desk: Desk) -> None:
    path = f"/doctors/{desk.clinic.doctor_id}/schedule"
    before = (await desk.http.get(path, params={"date": str(DAY)})).json()

    await desk.ask(LEAVE, 202)

    after = (await desk.http.get(path, params={"date": str(DAY)})).json()
    assert [len(each["slots"]) for each in (before, after)] == [4, 2]


async def test_each_role_may_what_is_theirs(
    signed_in_api: str, issuer: FakeIssuer, clinic: Clinic
) -> None:
    """A doctor asks for leave of his own; a manager of elsewhere is told of no campaign."""
    async with clinic.database.lend() as connection:
        found = await connection.execute(
            "SELECT practitioner_id FROM doctors WHERE id = %s", [clinic.doctor_id]
        )
        [(own,)] = await found.fetchall()
    mine = [str(clinic.id)]
    tokens = [
        issuer.token(roles=["patient"], patient_id=str(uuid4())),
        issuer.token(roles=["reception"], clinic_ids=mine),
        issuer.token(roles=["doctor"], practitioner_id=str(uuid4())),
        issuer.token(roles=["doctor"], practitioner_id=str(own)),
        issuer.token(roles=["manager"], clinic_ids=[str(uuid4())]),
        issuer.token(roles=["manager"], clinic_ids=mine),
    ]

    made, read, stopped, withdrawn = [], [], [], []
    async with httpx.AsyncClient(base_url=signed_in_api, timeout=20) as http:
        for token in tokens:
            headers = {"authorization": f"Bearer {token}"}
            path = f"/doctors/{clinic.doctor_id}/exceptions"
            made.append(await http.post(path, json=LEAVE, headers=headers))
        ids = made[3].json()
        for token in tokens:
            headers = {"authorization": f"Bearer {token}"}
            read.append(await http.get(f"/campaigns/{ids['campaignId']}", headers=headers))
            stopped.append(await http.post(f"/campaigns/{ids['campaignId']}/stop", headers=headers))
            withdrawn.append(
                await http.delete(f"/exceptions/{ids['exceptionId']}", headers=headers)
            )

    assert [each.status_code for each in made] == [403, 403, 403, 202, 403, 202]
    assert [each.status_code for each in read] == [403, 200, 404, 200, 404, 200]
    assert [each.status_code for each in stopped] == [403, 403, 403, 403, 404, 200]
    assert [each.status_code for each in withdrawn] == [403, 403, 403, 403, 404, 200]


async def test_the_trail_says_who_made_an_exception_and_who_withdrew_it(desk: Desk) -> None:
    made = await desk.ask(LEAVE, 202)
    await desk.http.delete(f"/exceptions/{made['exceptionId']}")

    trail = await desk.told(await desk.http.get("/audit", params={"object": made["exceptionId"]}))

    assert [(each["action"], each["role"]) for each in trail["items"]] == [
        ("change", "operator"),
        ("create", "operator"),
    ]


async def test_a_leave_of_today_begins_now(desk: Desk) -> None:
    """What of the day has passed stays as it was."""
    async with desk.clinic.database.lend() as connection:
        found = await connection.execute(
            "SELECT date_trunc('minute', clock_timestamp()),"
            " date_trunc('minute', clock_timestamp() AT TIME ZONE 'Europe/Moscow')"
        )
        [(now, wall)] = await found.fetchall()
    begins, ends = now - timedelta(hours=3), now + timedelta(hours=3)
    await desk.clinic.on_duty(begins, ends)
    today = LEAVE | {
        "from": f"{wall - timedelta(hours=4):%Y-%m-%dT%H:%M}",
        "until": f"{wall + timedelta(hours=4):%Y-%m-%dT%H:%M}",
        "reason": "illness",
    }

    await desk.ask(today, 202)

    async with desk.clinic.database.lend() as connection:
        found = await connection.execute(
            "SELECT lower(during), upper(during) FROM shifts WHERE doctor_id = %s"
            " AND lower(during) < %s",
            [desk.clinic.doctor_id, ends],
        )
        [(starts_at, ends_at)] = await found.fetchall()
    assert starts_at == begins
    assert now <= ends_at <= now + timedelta(minutes=5)
