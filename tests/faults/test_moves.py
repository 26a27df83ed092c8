"""A visit is moved, moved elsewhere, cancelled, its target held, all at once, and a part dies."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from domain.events import EventType, event_id
from tests.faults.rig import gather
from tests.faults.rig.case import Case, Rig
from tests.faults.rig.evidence import Change, Event
from tests.faults.rig.front_end import FrontEnd, Patience
from tests.faults.rig.history import Booking, Call, History, Kind, Slot
from tests.faults.rig.waiting import until_seen

STORIES = 6
TOLD_WITHIN = 120.0
"""What no run can tell any more the audit finds."""

PATIENT = Patience(tries=400)
"""Longer than any part of the product needs to come back on a busy machine."""

KILLED_WITHIN = 0.6
"""Seconds of the calls, at any instant of which the part dies."""


@dataclass(kw_only=True)
class Story:
    """One visit, the times it is moved to, and somebody else who wants the first of them."""

    case: Case
    visit: Booking
    target: Booking
    elsewhere: Booking
    other: Booking
    cancels: bool
    """A cancellation wins over a move, so every other story has none."""
    answers: dict[str, Call] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    """Of these an earlier try had no answer; the last one answers for it."""

    async def ask(
        self, kind: Kind, booking: Booking, *, version: int = 0, tries: History | None = None
    ) -> Call:
        """Until the outcome is known, as a front end does."""
        front_end = FrontEnd(self.case.stack.api, tries or History(), PATIENT)
        try:
            return await front_end.insist(kind, booking, version=version)
        finally:
            await front_end.close()

    async def begin(self) -> None:
        held = await self.ask(Kind.HOLD, self.visit)
        confirmed = await self.ask(Kind.CONFIRM, self.visit)
        assert (held.status, confirmed.status) == (201, 200), (held, confirmed)

    async def cross(self) -> None:
        """Everything at once, in any order."""
        wishes = [
            ("move", Kind.MOVE, self.target),
            ("move elsewhere", Kind.MOVE, self.elsewhere),
            ("hold", Kind.HOLD, self.other),
        ]
        if self.cancels:
            wishes.append(("cancel", Kind.CANCEL, self.visit))
        random.shuffle(wishes)
        await asyncio.gather(*(self.wish(*each) for each in wishes))

    async def wish(self, name: str, kind: Kind, booking: Booking) -> None:
        tries = History()
        self.answers[name] = await self.ask(kind, booking, version=2, tries=tries)
        if tries.unknown():
            self.unknown.add(name)

    async def days(self) -> dict[str, str]:
        """What everybody sees of the three slots."""
        return {
            booking.slot.starts_at: (await self.ask(Kind.DAY, booking)).body["state"]
            for booking in (self.visit, self.target, self.elsewhere)
        }


@pytest.mark.parametrize(
    "victim", [pytest.param("worker", marks=pytest.mark.short), "api", "temporal", "postgres"]
)
async def test_a_visit_has_one_outcome_whoever_dies(rig: Rig, victim: str) -> None:
    title = f"move ∥ cancel ∥ move elsewhere ∥ a hold of the target ∥ kill -9 {victim}"
    async with rig.case(45, title) as case, case.load(2):
        stories = [a_story(case, cancels=n % 2 == 1) for n in range(STORIES)]
        await asyncio.gather(*(story.begin() for story in stories))
        away = case.nobody_can_answer() if victim == "api" else nullcontext()
        async with away:
            killer = asyncio.create_task(kill(case, victim))
            await asyncio.gather(*(story.cross() for story in stories))
            await killer
        if victim == "postgres":  # the rows are read from it
            await case.stack.ready()
        await asyncio.gather(*(assert_days_are_right(story) for story in stories))
        await case.confirmed(2)
        for story in stories:
            await assert_one_outcome(story)
    await assert_one_event_a_version(rig, stories)


def a_story(case: Case, *, cancels: bool) -> Story:
    supply = case.rig.supply
    was, target, elsewhere = supply.slots_of_one_doctor(3)
    visit = supply.booking(was)
    return Story(
        case=case,
        visit=visit,
        target=replace(visit, slot=target),
        elsewhere=replace(visit, slot=elsewhere),
        other=supply.booking(target),
        cancels=cancels,
    )


async def kill(case: Case, victim: str) -> None:
    await asyncio.sleep(random.uniform(0, KILLED_WITHIN))
    case.stack.kill(victim)
    case.injected(f"kill -9 {victim}")


async def changes_of(story: Story) -> list[Change]:
    """Each committed change of the visit, in the order of its versions."""
    database = gather.Database(url=story.case.stack.address("postgres"))
    found = await database.changes([story.visit.appointment_id])
    return sorted(found, key=lambda change: change.version)


async def assert_one_outcome(story: Story) -> None:
    """The changes are a chain, each answer is borne out by them, and everybody reads the last."""
    changes = await changes_of(story)
    statuses = {name: call.status for name, call in story.answers.items()}
    last = changes[-1]
    moved_to = [
        after.starts_at for before, after in pairwise(changes) if slot(before) != slot(after)
    ]
    seen = await story.ask(Kind.READ, story.visit)

    told = f"{_told(story)}, {[(each.version, each.status, each.starts_at) for each in changes]}"
    assert [each.version for each in changes] == list(range(1, len(changes) + 1)), told
    assert (seen.status, seen.body["status"], seen.body["version"], seen.body["dateTime"]) == (
        200,
        last.status,
        last.version,
        last.starts_at,
    ), told
    assert len(moved_to) <= 1, told
    for name, wanted in (("move", story.target), ("move elsewhere", story.elsewhere)):
        is_made = moved_to == [wanted.slot.starts_at]
        if story.cancels:
            assert statuses[name] in ({200, 409} if is_made else {409}), told
        else:
            assert statuses[name] == (200 if is_made else 409), told
    assert statuses.get("cancel", 200) == 200, told
    assert last.status == ("cancelled" if story.cancels else "confirmed"), told
    assert statuses["hold"] in {201, 409, 410}, told


def _told(story: Story) -> dict[str, str]:
    return {
        name: f"{call.status} {call.code}" + (" late" if name in story.unknown else "")
        for name, call in story.answers.items()
    }


async def assert_days_are_right(story: Story) -> None:
    """At once, since a read never shows what a committed change has overtaken."""
    live = {}
    database = gather.Database(url=story.case.stack.address("postgres"))
    for row in (
        await database.rows([story.visit.appointment_id, story.other.appointment_id])
    ).values():
        if row.status == "confirmed":
            live[row.starts_at] = "booked"
        elif row.status == "held":
            live[row.starts_at] = "held"

    seen = await story.days()

    for starts_at, state in seen.items():
        expected = live.get(starts_at, "free")
        lapsed_meanwhile = expected == "held" and state == "free"
        assert state == expected or lapsed_meanwhile, (starts_at, state, expected, story.answers)


async def assert_one_event_a_version(rig: Rig, stories: list[Story]) -> None:
    expected = {each for story in stories for each in events_of(await changes_of(story))}
    ids = {story.visit.appointment_id for story in stories}
    topic = gather.Topic(rig.stack.address("kafka"))
    told: set[tuple[object, str, int]] = set()

    async def all_are_told() -> bool:
        events: list[Event] = gather.events_in(await topic.records())
        told.update((e.id, e.type, e.sequence) for e in events if e.appointment_id in ids)
        return told >= expected

    await until_seen(all_are_told, "every version was told", within=TOLD_WITHIN, every=1)
    assert told == expected


def events_of(changes: list[Change]) -> Iterator[tuple[object, str, int]]:
    """What each change is to be told as, by the one id that every attempt has."""
    for before, after in pairwise(changes):
        if before.status == "held" and after.status == "confirmed":
            kind = EventType.CONFIRMED
        elif before.status == "confirmed" and after.status == "cancelled":
            kind = EventType.CANCELLED
        elif slot(before) != slot(after):
            kind = EventType.RESCHEDULED
        else:
            continue
        yield event_id(after.id, after.version, kind), kind.value, after.version


def slot(change: Change) -> Slot:
    return Slot(doctor_id=change.doctor_id, starts_at=change.starts_at, date="")
