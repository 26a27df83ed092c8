"""A patient books, confirms, extends, cancels: over HTTP, on real servers."""

import asyncio
import re
from datetime import datetime
from uuid import uuid4

from temporalio.client import Client

from tests.acceptance.conftest import Clinic, Slot, eventually
from tests.acceptance.watching import records_about, result_of


async def test_a_held_slot_is_shown_as_held_and_a_confirmed_one_as_booked(clinic: Clinic) -> None:
    slot = await clinic.free_slot()

    held = await clinic.book(slot)
    appointment = held.json()
    seen_while_held = await clinic.state_of(slot)
    confirmed = await clinic.confirm(appointment["appointmentId"])

    assert held.status_code == 201
    assert held.headers["location"].endswith(f"/api/v1/appointments/{appointment['appointmentId']}")
    assert (appointment["status"], appointment["version"]) == ("held", 1)
    assert seen_while_held == "held"
    assert (confirmed.status_code, confirmed.json()["status"]) == (200, "confirmed")
    assert await clinic.state_of(slot) == "booked"
    assert await clinic.get(appointment["appointmentId"]) == confirmed.json()


async def test_one_email_one_sms_and_one_notice_come_of_a_confirmed_visit(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    appointment = await clinic.hold(slot)
    assert await clinic.messages_about(appointment) == []
    await clinic.confirm(appointment)
    await told(clinic, appointment, messages=2)
    messages = await clinic.messages_about(appointment)
    notices = await clinic.http.get(f"/api/v1/doctors/{slot.doctor_id}/notifications")
    mine = [n for n in notices.json()["items"] if n["appointmentId"] == appointment]

    assert sorted(message["channel"] for message in messages) == ["email", "sms"]
    assert [message["deliveries"] for message in messages] == [1, 1]
    assert len(mine) == 1
    assert (mine[0]["dateTime"], mine[0]["readAt"]) == (slot.starts_at, None)


async def test_confirming_again_has_the_same_answer(clinic: Clinic) -> None:
    appointment = await clinic.hold()

    answers = await asyncio.gather(*(clinic.confirm(appointment) for _ in range(20)))
    later = await clinic.confirm(appointment)

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.text for answer in answers} == {later.text}


async def test_a_cancelled_visit_frees_the_slot_at_once_and_tells_the_patient(
    clinic: Clinic,
) -> None:
    slot = await clinic.free_slot()
    appointment = await clinic.hold(slot)
    await clinic.confirm(appointment)
    await told(clinic, appointment, messages=2)

    cancelled = await clinic.cancel(appointment, reason="mistake")

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert cancelled.json()["reason"] == "mistake"
    assert await clinic.state_of(slot) == "free"
    assert (await clinic.cancel(appointment)).json() == cancelled.json()
    assert (await clinic.confirm(appointment)).json()["code"] == "already_cancelled"
    await told(clinic, appointment, messages=4)


async def test_a_hold_given_up_is_free_for_others_and_no_message_is_sent(
    clinic: Clinic, temporal_client: Client
) -> None:
    slot = await clinic.free_slot()
    appointment = await clinic.hold(slot)

    given_up = await clinic.cancel(appointment)

    assert (given_up.status_code, given_up.json()["status"]) == (200, "cancelled")
    assert (await clinic.book(slot)).status_code == 201
    assert await result_of(temporal_client, f"appointment-{appointment}") == "cancelled"
    assert await records_about(clinic, appointment) == [], "of which messages come"
    assert await clinic.messages_about(appointment) == []


async def test_who_saw_an_older_state_cancels_nothing(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    appointment = await clinic.hold(slot)
    path = f"/api/v1/appointments/{appointment}/cancel"
    await clinic.confirm(appointment)

    stale = await clinic.http.post(path, json={"version": 1})
    still = await clinic.get(appointment)
    fresh = await clinic.http.post(path, json={"version": 2})
    again = await clinic.http.post(path, json={"version": 2})

    assert (stale.status_code, stale.json()["code"]) == (409, "changed")
    assert (still["status"], still["version"]) == ("confirmed", 2)
    assert (fresh.status_code, fresh.json()["status"]) == (200, "cancelled")
    assert again.json() == fresh.json()


async def test_a_hold_that_was_extended_since_is_not_given_up_by_who_saw_it_before(
    clinic: Clinic,
) -> None:
    appointment = await clinic.hold()
    path = f"/api/v1/appointments/{appointment}"
    await clinic.http.post(f"{path}/extend", json={"version": 1})

    stale = await clinic.http.post(f"{path}/cancel", json={"version": 1})
    fresh = await clinic.http.post(f"{path}/cancel", json={"version": 2})

    assert (stale.status_code, stale.json()["code"]) == (409, "changed")
    assert (fresh.status_code, fresh.json()["status"]) == (200, "cancelled")


async def test_a_refusal_on_a_page_is_counted_as_one_of_the_api(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    await clinic.hold(slot)
    before = await refusals_counted(clinic, "slot_taken")

    answer = await clinic.http.post(f"/book/{slot.doctor_id}", data={"at": slot.starts_at})

    assert answer.status_code == 303
    assert "note=slot_taken" in answer.headers["location"]
    assert await refusals_counted(clinic, "slot_taken") == before + 1


async def refusals_counted(clinic: Clinic, code: str) -> float:
    metrics = (await clinic.http.get("/metrics")).text
    found = re.search(rf'^priyom_refusals_total{{code="{code}"}} (\S+)', metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_more_time_is_given_twice(clinic: Clinic) -> None:
    held = (await clinic.book(await clinic.free_slot())).json()
    path = f"/api/v1/appointments/{held['appointmentId']}/extend"

    once = await clinic.http.post(path, json={"version": 1})
    again = await clinic.http.post(path, json={"version": 1})
    twice = await clinic.http.post(path, json={"version": 2})
    thrice = await clinic.http.post(path, json={"version": 3})
    stale = await clinic.http.post(path, json={"version": 9})
    await clinic.confirm(held["appointmentId"])
    after = await clinic.http.post(path, json={"version": 4})

    assert (once.status_code, once.json()["version"], once.json()["extensionsLeft"]) == (200, 2, 1)
    assert datetime.fromisoformat(once.json()["heldUntil"]) > datetime.fromisoformat(
        held["heldUntil"]
    )
    assert again.json() == once.json()
    assert twice.json()["extensionsLeft"] == 0
    assert (thrice.status_code, thrice.json()["code"]) == (409, "extension_limit")
    assert (stale.status_code, stale.json()["code"]) == (422, "malformed")
    assert (after.status_code, after.json()["code"]) == (409, "already_confirmed")


async def test_a_patient_who_is_busy_at_that_time_is_refused(clinic: Clinic) -> None:
    await clinic.free_slots(1)  # the survey
    first, second = await two_doctors_at_one_time(clinic)
    patient = clinic.patient()
    appointment = await clinic.hold(first, patient=patient)

    refused = await clinic.book(second, patient=patient)

    assert (refused.status_code, refused.json()["code"]) == (409, "patient_busy")
    assert refused.json()["appointmentId"] == appointment


async def two_doctors_at_one_time(clinic: Clinic) -> list[Slot]:
    by_time: dict[str, list[Slot]] = {}
    for slots in clinic.slots.values():
        for slot in slots:
            same = by_time.setdefault(slot.starts_at, [])
            same.append(slot)
            if len(same) == 2:
                for each in same:
                    clinic.slots[each.doctor_id].remove(each)
                return same
    raise AssertionError("no two doctors work at one time")


async def test_one_patient_holds_no_more_slots_than_the_cap(clinic: Clinic) -> None:
    patient = clinic.patient()
    answers = [await clinic.book(slot, patient=patient) for slot in await distinct_times(clinic, 4)]

    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert answers[-1].json()["code"] == "too_many_holds"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 600


async def distinct_times(clinic: Clinic, count: int) -> list[Slot]:
    await clinic.free_slots(1)
    doctor = max(clinic.slots, key=lambda each: len(clinic.slots[each]))
    return [clinic.slots[doctor].pop(0) for _ in range(count)]


async def test_the_same_key_has_the_same_answer_and_another_body_is_refused(
    clinic: Clinic,
) -> None:
    slot, other = await clinic.free_slots(2)
    patient, key = clinic.patient(), f"key-{uuid4()}"
    first = await clinic.book(slot, patient=patient, key=key)
    await clinic.confirm(first.json()["appointmentId"])

    again = await clinic.book(slot, patient=patient, key=key)
    different = await clinic.book(other, patient=patient, key=key)
    someone_else = await clinic.book(other, key=key)

    assert (again.status_code, again.text) == (201, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert (different.status_code, different.json()["code"]) == (422, "idempotency_key_reused")
    assert someone_else.status_code == 201


async def test_a_patient_sees_all_appointments_newest_first_page_by_page(clinic: Clinic) -> None:
    patient = clinic.patient()
    slots = await distinct_times(clinic, 3)
    ids = []
    for slot in slots:
        ids.append(await clinic.hold(slot, patient=patient))
        await clinic.cancel(ids[-1])
    path = f"/api/v1/patients/{patient}/appointments"

    first = (await clinic.http.get(path, params={"limit": 2})).json()
    second = (await clinic.http.get(path, params={"limit": 2, "cursor": first["next"]})).json()

    seen = [item["appointmentId"] for item in first["items"] + second["items"]]
    assert seen[:3] == ids[::-1]


async def test_what_does_not_exist_is_not_found(clinic: Clinic) -> None:
    nobody, slot = str(uuid4()), await clinic.free_slot()
    unknown_doctor = await clinic.book(type(slot)(nobody, slot.starts_at))
    unknown_patient = await clinic.book(slot, patient=nobody)
    unknown = await clinic.http.get(f"/api/v1/appointments/{nobody}")

    assert (unknown_doctor.status_code, unknown_doctor.json()["code"]) == (404, "doctor_not_found")
    assert (unknown_patient.status_code, unknown_patient.json()["code"]) == (
        404,
        "patient_not_found",
    )
    assert (unknown.status_code, unknown.json()["code"]) == (404, "appointment_not_found")
    assert (await clinic.confirm(nobody)).status_code == 404
    assert (await clinic.cancel(nobody)).status_code == 404


async def test_a_time_off_the_grid_is_refused_with_free_alternatives(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    off = slot.starts_at.replace("00Z", "07Z")

    refused = await clinic.book(type(slot)(slot.doctor_id, off))

    assert (refused.status_code, refused.json()["code"]) == (422, "not_a_slot")
    alternative = refused.json()["alternatives"][0]
    taken = await clinic.book(type(slot)(alternative["doctorId"], alternative["dateTime"]))
    assert taken.status_code == 201


async def told(clinic: Clinic, appointment: str, *, messages: int) -> None:
    """Wait until so many messages about the appointment have arrived."""

    async def arrived() -> bool:
        return len(await clinic.messages_about(appointment)) == messages

    await eventually(arrived)
