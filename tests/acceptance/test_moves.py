"""A visit is moved: over HTTP, on real servers."""

import asyncio
import json
import re
from collections import Counter
from functools import partial
from typing import Any

import httpx
import pytest

from tests.acceptance.away import away
from tests.acceptance.conftest import Clinic, Slot, eventually
from tests.acceptance.watching import always_one_live_row, insisted, records_about
from tests.leaves import Leave

CROWD = 100


async def test_a_moved_visit_keeps_its_id_and_everybody_is_told(clinic: Clinic) -> None:
    was, becomes = await two_slots(clinic)
    visit = await confirmed(clinic, was)

    moved = await move(clinic, visit, becomes)

    assert moved.status_code == 200, moved.text
    body = moved.json()
    assert (body["appointmentId"], body["status"]) == (visit["appointmentId"], "confirmed")
    assert (body["version"], body["moves"]) == (3, 1)
    assert body["dateTime"] == becomes.starts_at
    assert await clinic.get(visit["appointmentId"]) == body
    assert (await clinic.state_of(was), await clinic.state_of(becomes)) == ("free", "booked")
    await eventually(lambda: is_told(clinic, visit["appointmentId"], "rescheduled"))
    await eventually(lambda: letters_say(clinic, visit["appointmentId"], "SEQUENCE:3"))


async def test_moving_again_changes_nothing_and_is_answered_the_same(clinic: Clinic) -> None:
    was, becomes = await two_slots(clinic)
    visit = await confirmed(clinic, was)
    moved = await move(clinic, visit, becomes)

    again = await move(clinic, visit, becomes)
    of_today = await move(clinic, moved.json(), becomes)
    elsewhere = await move(clinic, visit, was)
    back = await move(clinic, moved.json(), was)

    assert (again.json(), of_today.json()) == (moved.json(), moved.json())
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "changed")
    assert (back.status_code, back.json()["version"], back.json()["moves"]) == (200, 4, 2)


async def test_a_visit_keeps_its_time_where_the_new_one_is_taken(clinic: Clinic) -> None:
    was, becomes = await two_slots(clinic)
    visit = await confirmed(clinic, was)
    await clinic.hold(becomes)

    refused = await move(clinic, visit, becomes)

    assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
    assert refused.json()["alternatives"]
    assert await clinic.get(visit["appointmentId"]) == visit


async def test_a_hold_a_cancelled_visit_and_another_specialty_are_not_moved(
    clinic: Clinic,
) -> None:
    was, becomes = await two_slots(clinic)
    held = await clinic.get(await clinic.hold(was))
    not_yet = await move(clinic, held, becomes)
    visit = (await clinic.confirm(held["appointmentId"])).json()

    other = await move(clinic, visit, await slot_of_another_specialty(clinic, was))
    nobodys = await move(clinic, visit, Slot("00000000-0000-4000-8000-000000000000", was.starts_at))
    await clinic.cancel(held["appointmentId"])
    over = await move(clinic, visit, becomes)

    assert (not_yet.status_code, not_yet.json()["code"]) == (409, "not_confirmed")
    assert (other.status_code, other.json()["code"]) == (422, "other_specialty")
    assert (nobodys.status_code, nobodys.json()["code"]) == (404, "doctor_not_found")
    assert (over.status_code, over.json()["code"]) == (409, "already_cancelled")


@pytest.mark.timeout(480)
async def test_a_hundred_move_to_one_slot_and_all_but_one_stay_where_they_are(
    clinic: Clinic,
) -> None:
    """They come from a doctor whose days are full to a colleague's first slot."""
    doctor = await away(clinic, Leave(visits=CROWD))
    await doctor.book_out()
    visits = await doctor.visits()
    target = Slot(doctor.colleague_id, doctor.leave.starts[0])

    async with always_one_live_row(clinic, [each["patientId"] for each in visits]) as looks:
        answers = await asyncio.gather(
            *(insisted(partial(move, clinic, visit, target)) for visit in visits)
        )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: CROWD - 1}
    assert len(looks) > 1
    stayed = [
        (visit, answer.json())
        for visit, answer in zip(visits, answers, strict=True)
        if answer.status_code == 409
    ]
    assert {problem["code"] for _, problem in stayed} == {"slot_taken"}
    assert all(problem["alternatives"] for _, problem in stayed)
    offered = {(a["doctorId"], a["dateTime"]) for _, p in stayed for a in p["alternatives"]}
    assert {await clinic.state_of(Slot(*each)) for each in offered} == {"free"}
    for visit, _ in stayed:
        assert await clinic.get(visit["appointmentId"]) == visit


async def test_two_exchanged_from_both_sides_at_once_change_places_once(clinic: Clinic) -> None:
    """Both or neither, one version and one event more for each, both days right at once."""
    was = [await clinic.free_slot() for _ in range(2)]
    one, other = [await confirmed(clinic, slot) for slot in was]
    seen = [{"id": each["appointmentId"], "version": each["version"]} for each in (one, other)]
    ways = [seen, seen[::-1]] * 3

    answers = await asyncio.gather(*(exchange(clinic, *way) for way in ways))
    states = [await clinic.state_of(slot) for slot in was]

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: len(ways) - 1}
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"changed"}
    assert states == ["booked", "booked"]
    for visit, goes_to in ((one, was[1]), (other, was[0])):
        stands = await clinic.get(visit["appointmentId"])
        assert Slot(stands["doctorId"], stands["dateTime"]) == goes_to
        assert (stands["version"], stands["moves"]) == (3, 1)
        past = await clinic.http.get(f"/api/v1/appointments/{visit['appointmentId']}/history")
        changes = [(each["version"], each["action"]) for each in past.json()["items"]]
        assert changes == [(1, "hold"), (2, "confirm"), (3, "reschedule")]
        await eventually(partial(has_events, clinic, visit["appointmentId"], ["2", "3"]), within=60)


async def test_a_moved_visit_is_cancelled(clinic: Clinic) -> None:
    was, becomes = await two_slots(clinic)
    visit = await confirmed(clinic, was)
    await move(clinic, visit, becomes)

    cancelled = await clinic.cancel(visit["appointmentId"])

    assert (cancelled.status_code, cancelled.json()["version"]) == (200, 4)
    assert await clinic.state_of(becomes) == "free"
    await eventually(lambda: is_told(clinic, visit["appointmentId"], "cancelled"))


async def test_the_link_of_each_letter_acts_for_its_own_version_alone(clinic: Clinic) -> None:
    """Moved by the first letter's link, cancelled by the second's; the first is dead then."""
    was, becomes = await two_slots(clinic)
    visit = await confirmed(clinic, was)
    first = await link_in_letter(clinic, visit["appointmentId"], "SEQUENCE:2")
    form = await form_behind(clinic, first)
    moved = await clinic.http.post(
        first, data=form | {"action": "move", "at": becomes.starts_at}, headers=AS_A_BROWSER
    )
    second = await link_in_letter(clinic, visit["appointmentId"], "SEQUENCE:3")
    too_late = await clinic.http.post(first, data=form | {"action": "cancel"}, headers=AS_A_BROWSER)
    stands = await clinic.get(visit["appointmentId"])
    cancelled = await clinic.http.post(
        second, data=await form_behind(clinic, second) | {"action": "cancel"}, headers=AS_A_BROWSER
    )

    assert (moved.status_code, too_late.status_code, cancelled.status_code) == (303, 409, 303)
    assert (stands["dateTime"], stands["version"]) == (becomes.starts_at, 3)
    assert (await clinic.get(visit["appointmentId"]))["status"] == "cancelled"
    history = await clinic.http.get(f"/api/v1/appointments/{visit['appointmentId']}/history")
    assert [each["actor"]["role"] for each in history.json()["items"]] == ["patient"] * 4


AS_A_BROWSER = {"accept": "text/html"}


async def link_in_letter(clinic: Clinic, appointment_id: str, line: str) -> str:
    """The path of the link in the letter whose calendar file has this line."""
    await eventually(lambda: letters_say(clinic, appointment_id, line))
    for message in await clinic.messages_about(appointment_id):
        if any(line in file["text"] for file in message["attachments"]):
            return str(re.findall(r"(/v/[\w-]{40})", message["text"])[0])
    raise AssertionError(line)


async def form_behind(clinic: Clinic, link: str) -> dict[str, str]:
    page = await clinic.http.get(link, headers=AS_A_BROWSER)
    return {"form": re.findall(r'name="form" value="([^"]+)"', page.text)[0]}


async def exchange(clinic: Clinic, first: dict[str, Any], second: dict[str, Any]) -> httpx.Response:
    return await clinic.http.post(
        "/api/v1/appointments/exchange", json={"first": first, "second": second}
    )


async def has_events(clinic: Clinic, appointment_id: str, versions: list[str]) -> bool:
    """By the ids of events: one that was published twice is one."""
    told = [json.loads(record) for record in await records_about(clinic, appointment_id)]
    return sorted({each["id"]: each["sequence"] for each in told}.values()) == versions


async def two_slots(clinic: Clinic) -> tuple[Slot, Slot]:
    """Two free slots of one doctor."""
    one = await clinic.free_slot()
    other = clinic.slots[one.doctor_id].pop(0)
    return one, other


async def confirmed(clinic: Clinic, slot: Slot) -> dict[str, Any]:
    answer = await clinic.confirm(await clinic.hold(slot))
    visit: dict[str, Any] = answer.json()
    return visit


async def move(clinic: Clinic, visit: dict[str, Any], to: Slot) -> httpx.Response:
    return await clinic.http.post(
        f"/api/v1/appointments/{visit['appointmentId']}/reschedule",
        json={"dateTime": to.starts_at, "doctorId": to.doctor_id, "version": visit["version"]},
    )


async def slot_of_another_specialty(clinic: Clinic, than: Slot) -> Slot:
    listed = (await clinic.http.get("/api/v1/doctors", params={"limit": 100})).json()["items"]
    specialty = {doctor["doctorId"]: doctor["specialty"] for doctor in listed}
    return next(
        slots[0]
        for id_, slots in clinic.slots.items()
        if slots and specialty.get(id_) not in {None, specialty[than.doctor_id]}
    )


async def is_told(clinic: Clinic, appointment_id: str, kind: str) -> bool:
    rows = await clinic.rows(
        "SELECT audience FROM notifications WHERE appointment_id = %s AND kind = %s"
        " AND status IN ('sent', 'delivered')",
        appointment_id,
        kind,
    )
    return {row["audience"] for row in rows} == {"patient", "doctor"}


async def letters_say(clinic: Clinic, appointment_id: str, line: str) -> bool:
    messages = await clinic.messages_about(appointment_id)
    files = [file["text"] for message in messages for file in message["attachments"]]
    return any(line in text for text in files)
