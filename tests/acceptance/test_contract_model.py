"""Any story of two patients and five slots goes as the contract says.

Hypothesis makes the stories up and shortens one that goes wrong. `THOROUGH=1` tells more of them,
others every time.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, Phase, note, reject, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.events import EventType, event_id
from tests.acceptance.conftest import Clinic, another_api, eventually
from tests.acceptance.contract import MAX_HOLDS, Answer, Contract, Slot, Visit
from tests.acceptance.front_desk import FrontDesk, begins, front_desk
from tests.acceptance.watching import records

THOROUGH = bool(os.environ.get("THOROUGH"))
STORIES = settings(
    max_examples=300 if THOROUGH else 12,
    stateful_step_count=16 if THOROUGH else 10,
    derandomize=not THOROUGH,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
HOLD_SECONDS = 5
"""A story that takes a busy machine longer than its holds last is none."""

GRACE = 4.0
"""Seconds after its deadline by which a hold reads as expired: two by the contract, and slack."""

MOST_LAPSES = 1
"""In one story: each is real time."""

SLOTS = {
    slot.name: slot
    for slot in (
        Slot("Dr Kim at 9:00", "Kim", "Kim", 9 * 60),
        Slot("Dr Kim at 9:30", "Kim", "Kim", 9 * 60 + 30),
        Slot("Dr Kim at 9:15 in the other clinic", "Kim elsewhere", "Kim", 9 * 60 + 15),
        Slot("Dr Lee at 9:00", "Lee", "Lee", 9 * 60),
        Slot("Dr Lee at 10:00", "Lee", "Lee", 10 * 60),
    )
}


class Story(RuleBasedStateMachine):
    """One story: each answer is compared with the contract, and what can be read after it."""

    visits = Bundle("visit")

    def __init__(self, desk: FrontDesk) -> None:
        super().__init__()
        self.desk = desk
        self.contract = Contract()
        self.day = desk.next_day()
        self.ids = {"Anna": desk.patient(), "Boris": desk.patient()}
        self.lapses = 0

    @rule(
        target=visits,
        patient=st.sampled_from(["Anna", "Boris"]),
        slot=st.sampled_from(list(SLOTS)),
        key=st.sampled_from([None, "key-1", "key-2"]),
    )
    def holds(self, patient: str, slot: str, key: str | None) -> object:
        expected = self.contract.hold(patient, SLOTS[slot], key)
        answer = self._book(patient, SLOTS[slot], key)
        self._judge(f"{patient} wants {slot}, {key or 'no key'}", expected, answer)
        if expected.http != 201 or expected.again:
            return multiple()
        visit = Visit(
            id=answer.json()["appointmentId"],
            patient=patient,
            wished=SLOTS[slot],
            slot=SLOTS[slot],
            key=key,
            told=answer.text,
            held_until=_held_until(answer),
        )
        self.contract.visits.append(visit)
        self._look_at(visit)
        return visit

    @rule(
        target=visits, patient=st.sampled_from(["Anna", "Boris"]), slot=st.sampled_from(list(SLOTS))
    )
    def books(self, patient: str, slot: str) -> object:
        """Hold and confirm: there have to be many visits that stand, or few are moved."""
        held = self.holds(patient, slot, None)
        if isinstance(held, Visit):
            self.is_confirmed(held)
        return held

    @rule(visit=visits)
    def is_asked_for_again(self, visit: Visit) -> None:
        """The same POST: without a key another wish, with one the same."""
        self.holds(visit.patient, visit.wished.name, visit.key)

    @rule(visit=visits)
    def is_confirmed(self, visit: Visit) -> None:
        expected = self.contract.confirm(visit)
        answer = self._tell(visit, "confirm")
        self._judge(f"{_whose(visit)} is confirmed", expected, answer)
        if expected.http == 200:
            visit.becomes("confirmed")
        self._look_at(visit)

    @rule(visit=visits)
    def is_cancelled(self, visit: Visit) -> None:
        expected = self.contract.cancel(visit)
        answer = self._tell(visit, "cancel", {"reason": "mistake"})
        self._judge(f"{_whose(visit)} is cancelled", expected, answer)
        if expected.http == 200:
            visit.becomes("cancelled")
        self._look_at(visit)

    @rule(visit=visits, version=st.sampled_from(["the latest", "the first", "none yet"]))
    def is_extended(self, visit: Visit, version: str) -> None:
        number = {"the latest": visit.version, "the first": 1, "none yet": visit.version + 1}
        seen = number[version]
        expected = self.contract.extend(visit, seen)
        answer = self._tell(visit, "extend", {"version": seen})
        self._judge(f"{_whose(visit)} is extended, version {seen}", expected, answer)
        if expected.http == 200 and not expected.again:
            visit.extended[seen] = answer.text
            visit.version, visit.held_until = seen + 1, _held_until(answer)
        self._look_at(visit)

    @rule(
        visit=visits,
        slot=st.sampled_from(list(SLOTS)),
        version=st.sampled_from(["the latest", "the latest", "the one before", "none yet"]),
    )
    def is_moved(self, visit: Visit, slot: str, version: str) -> None:
        before, target = visit.slot, SLOTS[slot]
        ahead = {"the one before": -1, "none yet": 1}.get(version, 0)
        seen = max(1, visit.version + ahead)
        expected = self.contract.move(visit, target, seen)
        to = {
            "doctorId": self.desk.doctors[target.doctor],
            "dateTime": begins(target, self.day).isoformat(),
            "version": seen,
        }
        answer = self._tell(visit, "reschedule", to)
        self._judge(f"{_whose(visit)} is moved to {slot}, version {seen}", expected, answer)
        if expected.http == 200 and target != before:
            visit.slot, visit.version = target, visit.version + 1
            visit.moved_as.append(visit.version)
            self.desk.moves += 1
        self._look_at(visit)
        shown = self.desk.states(before.doctor, self.day)[before.begins]
        assert shown == self.contract.state_of(before), f"{before.name} is shown {shown}"

    @precondition(lambda self: self.contract.holds() and self.lapses < MOST_LAPSES)
    @rule()
    def time_passes(self) -> None:
        """To the end of the last hold, by real time: the database's clock decides.

        Past its deadline a hold reads as held for as long as a confirm on its way may count.
        """
        note("every hold lapses")
        self.lapses += 1
        holds = self.contract.holds()
        last = max(visit.held_until for visit in holds)
        time.sleep(max(0.0, last - time.time()) + 0.005)
        asked = time.time()
        while any(self._read(visit)["status"] == "held" for visit in holds):
            assert asked < last + GRACE, "a hold outlives its grace"
            asked = time.time()
        self.contract.time_passes()

    def teardown(self) -> None:
        self._in_time()
        for visit in self.contract.visits:
            self._look_at(visit)
        for patient, id_ in self.ids.items():
            listed = self.desk.http.get(f"/api/v1/patients/{id_}/appointments").json()["items"]
            own = [visit for visit in self.contract.visits if visit.patient == patient]
            assert [each["appointmentId"] for each in listed] == [v.id for v in own[::-1]]
        self.desk.visits += self.contract.visits
        self.desk.stories += 1

    def _book(self, patient: str, slot: Slot, key: str | None) -> httpx.Response:
        body = {
            "patientId": self.ids[patient],
            "doctorId": self.desk.doctors[slot.doctor],
            "dateTime": begins(slot, self.day).isoformat(),
        }
        headers = {"Idempotency-Key": key} if key else {}
        return self.desk.http.post("/api/v1/appointments", json=body, headers=headers)

    def _tell(
        self, visit: Visit, command: str, body: dict[str, object] | None = None
    ) -> httpx.Response:
        return self.desk.http.post(f"/api/v1/appointments/{visit.id}/{command}", json=body)

    def _judge(self, what: str, expected: Answer, answer: httpx.Response) -> None:
        self._in_time()
        self.desk.calls += 1
        body = answer.json()
        got = Answer(answer.status_code, body.get("code") or body["status"])
        note(f"{what}: {got}")
        assert str(got) == str(expected), f"{what}: {got}, by the contract {expected}"
        assert not expected.about or body["appointmentId"] in expected.about
        assert answer.text == (expected.again or answer.text)
        replayed = answer.headers.get("idempotent-replayed") == "true"
        assert replayed is (answer.status_code == 201 and expected.again is not None)

    def _look_at(self, visit: Visit) -> None:
        """What can be read of a visit and its slot; a lapse is noted when it is noted."""
        seen = self._read(visit)
        state = self.desk.states(visit.slot.doctor, self.day)[visit.slot.begins]
        self._in_time()
        assert seen["status"] == visit.status
        assert seen["version"] == visit.version or visit.status == "expired"
        assert state == self.contract.state_of(visit.slot), f"{visit.slot.name} is shown {state}"

    def _read(self, visit: Visit) -> dict[str, Any]:
        seen: dict[str, Any] = self.desk.http.get(f"/api/v1/appointments/{visit.id}").json()
        return seen

    def _in_time(self) -> None:
        """A story in which a hold lapsed by itself, on a slow machine, is another one."""
        if any(visit.held_until < time.time() + 0.02 for visit in self.contract.holds()):
            reject()


def _whose(visit: Visit) -> str:
    return f"{visit.patient}'s {visit.slot.name}"


def _held_until(answer: httpx.Response) -> float:
    return datetime.fromisoformat(answer.json()["heldUntil"]).timestamp()


@pytest.fixture
async def desk(clinic: Clinic) -> AsyncIterator[FrontDesk]:
    """The clinic through an API whose holds last for seconds."""
    limits = {
        "PRIYOM_HOLD_SECONDS": str(HOLD_SECONDS),
        "PRIYOM_MAX_HOLDS_PER_PATIENT": str(MAX_HOLDS),
    }
    async with another_api(clinic, **limits) as api:
        with front_desk(
            str(api.base_url), clinic.state["databaseUrl"] or "", list(SLOTS.values())
        ) as desk:
            yield desk


@pytest.mark.timeout(1800)
async def test_every_story_goes_as_the_contract_says(desk: FrontDesk, clinic: Clinic) -> None:
    class AtTheClinic(Story):
        def __init__(self) -> None:
            super().__init__(desk)

    await asyncio.to_thread(run_state_machine_as_test, AtTheClinic, settings=STORIES)

    told_of = f"{desk.stories} stories, {len(desk.visits)} visits"
    print(f"{told_of}; in all {desk.calls} calls, {desk.moves} moves")
    assert desk.moves
    told = {event for visit in desk.visits for event in _events_of(visit)}
    assert told

    async def arrived() -> bool:
        return told == await _heard(clinic, {visit.id for visit in desk.visits})

    await eventually(arrived)


def _events_of(visit: Visit) -> set[str]:
    """A confirmed visit is told, each move, and its cancellation; no hold that came to nothing."""
    if visit.confirmed_as is None:
        return set()
    told = {str(event_id(UUID(visit.id), visit.confirmed_as, EventType.CONFIRMED))}
    told |= {str(event_id(UUID(visit.id), each, EventType.RESCHEDULED)) for each in visit.moved_as}
    if visit.status == "cancelled":
        told.add(str(event_id(UUID(visit.id), visit.version, EventType.CANCELLED)))
    return told


async def _heard(clinic: Clinic, appointments: set[str]) -> set[str]:
    events = [orjson.loads(record) for record in await records(clinic)]
    return {event["id"] for event in events if event["subject"] in appointments}
