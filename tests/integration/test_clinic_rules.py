"""A clinic's rules over HTTP and in the database: who reads and writes them, whom they stop."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg.sql import SQL

from activities.slots import Slots
from adapters.postgres.direct import cursor
from domain.actors import ActorRef, Role
from tests.clinic_rows import Clinic, at
from tests.fakes.issuer import FakeIssuer
from tests.integration.test_setup import Desk
from tests.integration.test_slots import a_wish, refusal_of

NONE = {
    "bookNotice": None,
    "cancelNotice": None,
    "moveNotice": None,
    "horizon": None,
    "maxMoves": None,
    "maxLivePerPatient": None,
    "reminders": ["P3D", "P1D"],
    "noShowAfter": None,
    "maxNoShows": None,
    "noShowsWithin": None,
    "offers": {"lasts": None},
}
UNTIL_2040 = "P10Y"
REASONS = SQL("SELECT action, role, reason FROM audit WHERE object = %(id)s ORDER BY id")


@pytest.fixture
async def desk(signed_in_api: str, issuer: FakeIssuer, clinic: Clinic) -> AsyncIterator[Desk]:
    async with httpx.AsyncClient(base_url=signed_in_api, timeout=20) as http:
        yield Desk(http, issuer, clinic, f"manager-{uuid4()}")


@pytest.fixture
async def working_desk(
    signed_in_working_api: str, issuer: FakeIssuer, clinic: Clinic
) -> AsyncIterator[Desk]:
    """Whose moves come to an end at once."""
    async with httpx.AsyncClient(base_url=signed_in_working_api, timeout=20) as http:
        yield Desk(http, issuer, clinic, f"manager-{uuid4()}")


async def rule(desk: Desk, **rules: object) -> dict[str, Any]:
    return await desk.send("PUT", f"/clinics/{desk.clinic.id}/rules", rules, 200)


async def answer(
    desk: Desk, path: str, body: dict[str, Any], caller: dict[str, str]
) -> dict[str, Any]:
    told: dict[str, Any] = (
        await desk.http.post(f"/appointments{path}", json=body, headers=caller)
    ).json()
    return told


def reception(desk: Desk) -> dict[str, str]:
    return desk.as_("reception", clinic_ids=[str(desk.clinic.id)])


async def practitioner(clinic: Clinic) -> str:
    async with cursor(clinic.database) as connection:
        who = SQL("SELECT practitioner_id FROM doctors WHERE id = %(id)s")
        return str((await connection.one(who, {"id": clinic.doctor_id}))["practitioner_id"])


async def test_rules_are_written_whole_and_read_by_staff_of_the_clinic(desk: Desk) -> None:
    path = f"/clinics/{desk.clinic.id}/rules"
    first = await desk.http.get(path, headers=reception(desk))
    wish = {"bookNotice": "PT2H", "maxMoves": 2, "reminders": [], "offers": {"lasts": "PT1H"}}

    written = await rule(desk, **wish)
    own_doctor = desk.as_("doctor", practitioner_id=await practitioner(desk.clinic))
    read = (await desk.http.get(path, headers=own_doctor)).json()
    emptied = await rule(desk)

    assert first.json() == emptied == NONE
    assert written == read == NONE | wish


async def test_nobody_reads_or_writes_the_rules_of_another_clinic(desk: Desk) -> None:
    path, nowhere = f"/clinics/{desk.clinic.id}/rules", f"/clinics/{uuid4()}/rules"
    others = [str(uuid4())]
    callers = [
        desk.as_("manager", clinic_ids=others),
        desk.as_("reception", clinic_ids=others),
        desk.as_("doctor", practitioner_id=str(uuid4())),
    ]

    unseen = [await desk.http.get(path, headers=each) for each in callers]
    unseen += [await desk.http.get(nowhere, headers=desk.manager)]
    unseen += [await desk.http.put(each, json={}, headers=callers[0]) for each in (path, nowhere)]
    forbidden = [
        await desk.http.put(path, json={}, headers=reception(desk)),
        await desk.http.get(path, headers=desk.as_("patient")),
    ]

    assert {(each.status_code, each.json()["code"]) for each in unseen} == {
        (404, "clinic_not_found")
    }
    assert [each.status_code for each in forbidden] == [403, 403]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bookNotice", "2 hours"),
        ("horizon", "P11Y"),
        ("maxMoves", -1),
        ("notice", "P1D"),
        ("maxNoShows", 0),
        ("specialties", {"surgeon": {"maxLivePerPatient": 1}}),
    ],
)
async def test_a_rule_that_makes_no_sense_is_malformed(
    desk: Desk, field: str, value: object
) -> None:
    path = f"/clinics/{desk.clinic.id}/rules"

    told = await desk.send("PUT", path, {field: value}, 422)

    assert told["errors"][0]["field"].split(".")[0] == field


async def test_a_specialty_is_booked_moved_and_cancelled_by_its_own_rules(
    working_desk: Desk,
) -> None:
    desk, patient = working_desk, await working_desk.clinic.patient()
    colleague = await desk.clinic.hire(specialty="therapist")
    await desk.clinic.on_duty(at("08:00"), at("16:00"), doctor_id=colleague)
    as_patient = desk.as_("patient", patient_id=str(patient))
    strict = {
        "horizon": "P1D",
        "moveNotice": UNTIL_2040,
        "cancelNotice": UNTIL_2040,
    }
    visits = [
        await desk.clinic.book(at(clock), patient_id=patient, doctor_id=doctor)
        for clock, doctor in (("09:00", None), ("11:00", colleague))
    ]
    wish = {"patientId": str(patient), "dateTime": at("09:30").isoformat()}
    doctors = {"surgeon": str(desk.clinic.doctor_id), "therapist": str(colleague)}

    kept = await rule(desk, specialties={"surgeon": strict})
    told = [
        await answer(desk, "", wish | {"doctorId": each}, as_patient) for each in doctors.values()
    ]
    moves = [
        await answer(
            desk,
            f"/{visit}/reschedule",
            {"dateTime": at(clock).isoformat(), "version": 2},
            as_patient,
        )
        for visit, clock in zip(visits, ("10:00", "11:30"), strict=True)
    ]
    cancelled = await answer(desk, f"/{visits[0]}/cancel", {"reason": "other"}, as_patient)
    await rule(desk, horizon="P1D", specialties={"therapist": {"horizon": None}})
    lifted = [
        await answer(desk, "", wish | {"doctorId": each}, as_patient) for each in doctors.values()
    ]

    assert kept == NONE | {"specialties": {"surgeon": strict}}
    assert [each.get("rule") for each in told] == ["horizon", None]
    assert [each.get("rule") for each in moves] == ["moveNotice", None]
    assert moves[1]["version"] == 3
    assert cancelled["rule"] == "cancelNotice"
    assert [each.get("rule") for each in lifted] == ["horizon", None]


async def test_missed_visits_that_are_counted_count_for_so_long(desk: Desk) -> None:
    path = f"/clinics/{desk.clinic.id}/rules"

    told = await desk.send("PUT", path, {"maxNoShows": 2}, 422)
    kept = await rule(desk, maxNoShows=2, noShowsWithin="P180D")

    assert told["errors"][0]["field"] == "maxNoShows"
    assert "needs noShowsWithin" in told["errors"][0]["message"]
    assert kept == NONE | {"maxNoShows": 2, "noShowsWithin": "P180D"}


async def test_a_patient_is_told_the_rule_and_staff_pass_with_a_reason(desk: Desk) -> None:
    await rule(desk, horizon="P30D")
    patient = await desk.clinic.patient()
    wish = {
        "patientId": str(patient),
        "doctorId": str(desk.clinic.doctor_id),
        "dateTime": at("09:00").isoformat(),
    }
    as_patient = desk.as_("patient", patient_id=str(patient))

    by_patient = await answer(desk, "", wish | {"reason": "other"}, as_patient)
    by_staff = await answer(desk, "", wish, reception(desk))
    with_reason = await answer(desk, "", wish | {"reason": "other"}, reception(desk))

    assert (by_patient["status"], by_patient["code"]) == (409, "rule")
    assert (by_patient["rule"], by_patient["limit"]) == ("horizon", "P30D")
    assert by_patient["now"].startswith("P")
    assert by_staff["code"] == "rule"
    assert with_reason["code"] == "unavailable"  # no rule stopped it, and nobody runs it here


async def test_a_visit_is_cancelled_by_the_rules(desk: Desk) -> None:
    patient = await desk.clinic.patient()
    visit = await desk.clinic.hold(at("09:00"), patient_id=patient)
    await desk.clinic.becomes(visit, "confirmed")
    as_patient = desk.as_("patient", patient_id=str(patient))

    await rule(desk, cancelNotice=UNTIL_2040)
    cancelled = await answer(desk, f"/{visit}/cancel", {"reason": "other"}, as_patient)
    by_staff = await answer(desk, f"/{visit}/cancel", {}, reception(desk))
    with_reason = await answer(desk, f"/{visit}/cancel", {"reason": "other"}, reception(desk))

    assert [each.get("rule") for each in (cancelled, by_staff)] == ["cancelNotice"] * 2
    assert with_reason["code"] == "unavailable"


async def test_a_visit_is_moved_by_the_rules(working_desk: Desk) -> None:
    desk, patient = working_desk, await working_desk.clinic.patient()
    visit = await desk.clinic.book(at("09:00"), patient_id=patient)
    as_patient = desk.as_("patient", patient_id=str(patient))
    move = {"dateTime": at("10:00").isoformat(), "version": 2}

    await rule(desk, moveNotice=UNTIL_2040)
    moved = await answer(desk, f"/{visit}/reschedule", move, as_patient)
    await rule(desk, maxMoves=0)
    too_often = await answer(desk, f"/{visit}/reschedule", move, reception(desk))
    await rule(desk, horizon="P1D")
    too_far = await answer(desk, f"/{visit}/reschedule", move, as_patient)
    passed = await answer(desk, f"/{visit}/reschedule", move | {"reason": "other"}, reception(desk))

    told = [each.get("rule") for each in (moved, too_often, too_far)]
    assert told == ["moveNotice", "maxMoves", "horizon"]
    assert (passed["status"], passed["version"]) == ("confirmed", 3)


async def test_no_move_is_refused_while_nobody_knows_whether_one_is_under_way(desk: Desk) -> None:
    visit = await desk.clinic.book(at("09:00"))
    await rule(desk, moveNotice=UNTIL_2040)
    move = {"dateTime": at("10:00").isoformat(), "version": 2}

    told = await answer(desk, f"/{visit}/reschedule", move, reception(desk))

    assert (told["code"], told["appointmentId"]) == ("unavailable", str(visit))


async def test_the_database_keeps_the_cap_of_a_patient_and_the_reason_that_passed_it(
    desk: Desk,
) -> None:
    await rule(desk, maxLivePerPatient=1)
    slots, clinic = Slots(desk.clinic.database), desk.clinic
    first = await a_wish(clinic, "09:00")
    second = await a_wish(clinic, "10:00", patient_id=first.patient_id)
    staff = ActorRef(id=str(uuid4()), role=Role.RECEPTION)
    passing = await a_wish(
        clinic, "10:00", patient_id=first.patient_id, actor=staff, reason="mistake"
    )

    await slots.hold_slot(first)
    refused = await refusal_of(slots.hold_slot(second))
    held = await slots.hold_slot(passing)

    assert refused == "rule"
    assert await history(clinic, held.appointment.appointment_id) == [
        ("hold", "reception", "mistake")
    ]


async def history(clinic: Clinic, appointment_id: UUID) -> list[tuple[str, str, str]]:
    async with cursor(clinic.database) as connection:
        lines = await connection.all(REASONS, {"id": str(appointment_id)})
    return [(line["action"], line["role"], line["reason"]) for line in lines]
