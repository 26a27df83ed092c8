"""Crowds: many patients, one slot; many slots at once; one key many times."""

import asyncio
from collections import Counter
from uuid import uuid4

from tests.acceptance.conftest import Clinic, Slot


async def test_two_hundred_patients_want_one_slot_and_one_gets_it(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    patients = [clinic.patient() for _ in range(200)]

    answers = await asyncio.gather(*(clinic.book(slot, patient=each) for each in patients))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 199}
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert {problem["code"] for problem in refused} == {"slot_taken"}
    assert all(problem["alternatives"] for problem in refused)
    offered = {(a["doctorId"], a["dateTime"]) for p in refused for a in p["alternatives"]}
    assert {await clinic.state_of(Slot(*each)) for each in offered} == {"free"}
    live = await clinic.rows(
        "SELECT id FROM schedules WHERE doctor_id = %s AND starts_at = %s"
        " AND status IN ('held', 'confirmed')",
        slot.doctor_id,
        slot.starts_at,
    )
    assert len(live) == 1


async def test_one_key_twenty_times_at_once_is_one_appointment(clinic: Clinic) -> None:
    slot, patient, key = await clinic.free_slot(), clinic.patient(), f"key-{uuid4()}"

    answers = await asyncio.gather(
        *(clinic.book(slot, patient=patient, key=key) for _ in range(20))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    replayed = [answer.headers.get("idempotent-replayed") for answer in answers]
    assert Counter(replayed) == {"true": 19, None: 1}


async def test_fifty_slots_of_one_doctor_are_all_held_at_once(clinic: Clinic) -> None:
    await clinic.free_slots(1)  # the survey
    doctor = max(clinic.slots, key=lambda each: len(clinic.slots[each]))
    slots = [clinic.slots[doctor].pop(0) for _ in range(50)]

    answers = await asyncio.gather(*(clinic.book(slot) for slot in slots))

    assert Counter(answer.status_code for answer in answers) == {201: 50}


async def test_a_key_that_lost_the_race_keeps_its_refusal(clinic: Clinic) -> None:
    slot = await clinic.free_slot()
    patients = [clinic.patient() for _ in range(5)]

    answers = await asyncio.gather(
        *(clinic.book(slot, patient=each, key="mine") for each in patients)
    )

    winners = [answer for answer in answers if answer.status_code == 201]
    assert len(winners) == 1
    again = await clinic.book(slot, patient=winners[0].json()["patientId"], key="mine")
    assert again.text == winners[0].text
