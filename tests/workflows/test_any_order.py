"""Any order of words, time, trouble and stops ends a booking in one way, with its effects.

A part of the stories is told in every run of the tests, all of them with THOROUGH=1.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial
from itertools import permutations, product
from typing import TypeVar

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.update.v1 import UpdateRef
from temporalio.api.workflowservice.v1 import PollWorkflowExecutionUpdateRequest
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from adapters.temporal.runs import CONFIRM
from domain.booking import Status
from tests.fakes.clinics import Clinics
from tests.workflows.conftest import PATIENTLY, eventually
from tests.workflows.stories import ENDS, Crew, Move, Story, end_of
from workflows import names

Told = TypeVar("Told")

THOROUGH = bool(os.environ.get("THOROUGH"))
AT_ONCE = 24

ONCE_EACH = [Move.CONFIRM, Move.CANCEL, Move.EXTEND, Move.LAPSE, Move.OUTAGE]
TWO_CHAPTERS = [
    (order[:cut], order[cut:])
    for order in permutations(ONCE_EACH)
    for cut in range(len(ONCE_EACH) + 1)
]
"""Five moves in every order, and the workers are replaced after any of them: 720 stories."""

THREE_MOVES = list(product(Move, repeat=3))
"""Any three of the seven moves, repeats among them: 343 stories."""

IN_HAND: dict[str, Callable[[Story], Coroutine[None, None, None]]] = {
    "hold_slot": Story.begins,
    "extend_hold": partial(Story.says, word=Move.EXTEND),
    "confirm_appointment": partial(Story.says, word=Move.CONFIRM),
    "release_slot": partial(Story.says, word=Move.CANCEL),
}

UPDATE_IDS = {Move.CONFIRM: CONFIRM, Move.CANCEL: names.CANCEL}
SIGNS = [(), (Move.LAPSE,), (Move.STOP,), (Move.LAPSE, Move.STOP)]
SPOKEN = [
    words
    for count in range(4)
    for words in permutations([Move.CONFIRM, Move.CANCEL, Move.EXTEND], count)
]
TOGETHER = [(signs, words) for signs, words in product(SIGNS, SPOKEN) if signs or words]
"""What one workflow task may find all at once: 63 stories."""


class Stage:
    """Where stories are played: a crew of workers, and so many stories at once."""

    def __init__(self, environment: WorkflowEnvironment, clinics: Clinics, crew: Crew) -> None:
        self._environment, self._clinics = environment, clinics
        self._room = asyncio.Semaphore(AT_ONCE)
        self.crew = crew

    def stories(self, count: int) -> list[Story]:
        return [Story(self._environment, self._clinics) for _ in range(count)]

    async def all_of(self, happenings: Iterable[Awaitable[Told]]) -> list[Told]:
        async def in_turn(happening: Awaitable[Told]) -> Told:
            async with self._room:
                return await happening

        return await asyncio.gather(*(in_turn(each) for each in happenings))


@pytest.fixture
async def stage(temporal: WorkflowEnvironment) -> AsyncIterator[Stage]:
    clinics = Clinics()
    async with Crew(temporal.client, clinics.activities) as crew:
        yield Stage(temporal, clinics, crew)


def some(stories: Sequence[Told], *, every: int) -> list[Told]:
    return list(stories[:: 1 if THOROUGH else every])


@pytest.mark.timeout(900)
async def test_five_moves_in_any_order_end_as_the_first_that_counts_whoever_works(
    stage: Stage,
) -> None:
    orders = some(TWO_CHAPTERS, every=17)
    stories = stage.stories(len(orders))
    await stage.all_of(story.begins() for story in stories)

    await stage.all_of(s.goes_on(first) for s, (first, _) in zip(stories, orders, strict=True))
    await stage.crew.leaves()
    await stage.crew.comes()
    await stage.all_of(s.goes_on(second) for s, (_, second) in zip(stories, orders, strict=True))

    ends = await stage.all_of(story.ends() for story in stories)
    assert ends == [end_of(first + second) for first, second in orders]


@pytest.mark.timeout(900)
async def test_any_three_moves_end_as_the_first_that_counts(stage: Stage) -> None:
    orders = some(THREE_MOVES, every=8)
    stories = stage.stories(len(orders))
    await stage.all_of(s.begins_in(first) for s, (first, *_) in zip(stories, orders, strict=True))

    await stage.all_of(s.goes_on(moves) for s, moves in zip(stories, orders, strict=True))

    ends = await stage.all_of(story.ends() for story in stories)
    stopped = await stage.all_of(story.was_stopped() for story in stories)
    assert ends == [end_of(moves) for moves in orders]
    assert stopped == [first_end(moves) is Move.STOP for moves in orders]


def first_end(moves: Sequence[Move]) -> Move | None:
    return next((move for move in moves if move in ENDS), None)


async def test_a_step_that_a_dying_worker_had_in_hand_is_done_by_the_next(stage: Stage) -> None:
    stories = dict(zip(IN_HAND, stage.stories(len(IN_HAND)), strict=True))
    for step, story in stories.items():
        if step != "hold_slot":
            await story.begins()
        story.clinic.close_gate(step)
    said = [asyncio.create_task(IN_HAND[step](story)) for step, story in stories.items()]
    await eventually(lambda: all(step in story.clinic.waiting for step, story in stories.items()))

    await stage.crew.leaves()
    for step, story in stories.items():
        story.clinic.gates[step].set()
    await stage.crew.comes()
    await asyncio.gather(*said)

    assert await stage.all_of(story.ends() for story in stories.values()) == [
        Status.EXPIRED,
        Status.EXPIRED,
        Status.CONFIRMED,
        Status.CANCELLED,
    ]


@pytest.mark.timeout(300)
async def test_of_all_that_arrives_together_the_patients_first_word_counts(stage: Stage) -> None:
    stories = stage.stories(len(TOGETHER))
    await stage.all_of(story.begins() for story in stories)
    await stage.crew.leaves()

    said = await stage.all_of(
        arrives(story, signs, words)
        for story, (signs, words) in zip(stories, TOGETHER, strict=True)
    )
    await stage.crew.comes()
    await asyncio.gather(*(answer for answers in said for answer in answers))

    ends = await stage.all_of(story.ends() for story in stories)
    assert ends == [end_of_together(signs, words) for signs, words in TOGETHER]


def end_of_together(signs: Sequence[Move], words: Sequence[Move]) -> Status:
    """First the patient's words, then the time (more of it, if a word said so), then operations."""
    if first_end(words) is not None:
        return end_of(words)
    time_is_over = Move.LAPSE in signs and Move.EXTEND not in words
    return Status.CANCELLED if Move.STOP in signs and not time_is_over else Status.EXPIRED


async def arrives(
    story: Story, signs: Sequence[Move], words: Sequence[Move]
) -> list[asyncio.Task[None]]:
    """Nobody works: signs and words lie at the server, in this order; answers come later."""
    if Move.LAPSE in signs:
        await story.ten_minutes_pass(until_it_shows=False)
    if Move.STOP in signs:
        await story.is_stopped(until_it_shows=False)
    said = []
    for word in words:
        said.append(asyncio.create_task(story.says(word)))
        await lies_at_the_server(story, UPDATE_IDS.get(word) or names.extend_update_id(1))
    return said


async def lies_at_the_server(story: Story, update_id: str) -> None:
    run = WorkflowExecution(workflow_id=story.run.id)
    service = story.environment.client.workflow_service
    asked = PollWorkflowExecutionUpdateRequest(
        namespace="default", update_ref=UpdateRef(workflow_execution=run, update_id=update_id)
    )
    async with asyncio.timeout(PATIENTLY):
        while True:
            try:
                await service.poll_workflow_execution_update(asked)
            except RPCError:
                await asyncio.sleep(0.01)
            else:
                return
