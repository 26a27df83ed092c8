"""The saga alone: what undoes the steps taken, and what does not."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from temporalio.exceptions import (
    ApplicationError,
    ApplicationErrorCategory,
    CancelledError,
    FailureError,
)

from domain.errors import HoldExpired, SlotTaken
from workflows.saga import Saga, UndoFailed, run_to_completion


class Evicted(BaseException):
    """As the SDK raises it when a run that it forgets begins a step."""


class Journal:
    """Steps and undos in the order in which they happened."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def does(self, what: str, error: BaseException | None = None) -> Callable[[], Awaitable[str]]:
        async def done() -> str:
            await asyncio.sleep(0)
            self.lines.append(what)
            if error is not None:
                raise error
            return what

        return done


async def a_visit_is_paid(
    journal: Journal,
    *,
    then: BaseException | None = None,
    release: BaseException | None = None,
    refund: BaseException | None = None,
) -> None:
    """Two steps with their undos; `then` is how the block ends, the others how the undos do."""
    async with Saga() as saga:
        await saga.step(journal.does("hold"), undo=journal.does("release", release))
        await saga.step(journal.does("pay"), undo=journal.does("refund", refund))
        if then is not None:
            raise then


async def a_hold(journal: Journal, error: BaseException) -> None:
    """One step that ends so."""
    async with Saga() as saga:
        await saga.step(journal.does("hold", error), undo=journal.does("release"))


@pytest.mark.parametrize(
    "way_out",
    [
        HoldExpired(),
        ApplicationError("PostgreSQL did not do it"),
        TimeoutError(),
        asyncio.CancelledError(),
        CancelledError("the activity was cancelled"),
    ],
    ids=["refusal", "failure", "timeout", "cancel", "cancelled activity"],
)
async def test_a_way_out_undoes_the_steps_last_first(way_out: BaseException) -> None:
    journal = Journal()

    with pytest.raises(type(way_out)):
        await a_visit_is_paid(journal, then=way_out)

    assert journal.lines == ["hold", "pay", "refund", "release"]


async def test_a_wait_that_times_out_in_the_block_undoes_the_steps() -> None:
    journal = Journal()

    async def process() -> None:
        async with Saga() as saga:
            await saga.step(journal.does("hold"), undo=journal.does("release"))
            async with asyncio.timeout(0):
                await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await process()
    assert journal.lines == ["hold", "release"]


async def test_a_cancel_in_the_block_undoes_the_steps_and_is_told() -> None:
    journal, held = Journal(), asyncio.Event()

    async def process() -> None:
        async with Saga() as saga:
            await saga.step(journal.does("hold"), undo=journal.does("release"))
            held.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(process())
    await held.wait()
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert journal.lines == ["hold", "release"]


async def test_a_cancel_does_not_break_the_undoing_off() -> None:
    journal, begun, may_end = Journal(), asyncio.Event(), asyncio.Event()

    async def slow_refund() -> None:
        begun.set()
        await may_end.wait()
        journal.lines.append("refund")

    async def process() -> None:
        async with Saga() as saga:
            await saga.step(journal.does("hold"), undo=journal.does("release"))
            await saga.step(journal.does("pay"), undo=slow_refund)
            raise HoldExpired

    running = asyncio.create_task(process())
    await begun.wait()
    running.cancel()
    await asyncio.sleep(0)
    may_end.set()

    with pytest.raises(HoldExpired):
        await running
    assert journal.lines == ["hold", "pay", "refund", "release"]


@pytest.mark.parametrize("failure", [ApplicationError("no"), SlotTaken(), TimeoutError()])
async def test_an_undo_that_fails_stops_no_other_one_and_fails_the_run(failure: Exception) -> None:
    journal = Journal()

    with pytest.raises(UndoFailed) as told:
        await a_visit_is_paid(journal, then=HoldExpired(), refund=failure)

    assert journal.lines == ["hold", "pay", "refund", "release"]
    assert told.value.__cause__ is failure
    assert isinstance(told.value, FailureError), "the run fails, not its task"
    assert told.value.type == "undo_failed"
    assert told.value.category is not ApplicationErrorCategory.BENIGN


async def test_two_undos_that_fail_are_both_told() -> None:
    journal = Journal()

    with pytest.raises(UndoFailed, match=r"not undone: the refund, the release"):
        await a_visit_is_paid(
            journal,
            then=HoldExpired(),
            refund=ApplicationError("the refund"),
            release=ApplicationError("the release"),
        )


@pytest.mark.parametrize("not_a_way_out", [KeyError("a bug"), Evicted()])
async def test_a_bug_and_an_eviction_undo_nothing(not_a_way_out: BaseException) -> None:
    journal = Journal()

    with pytest.raises(type(not_a_way_out)):
        await a_visit_is_paid(journal, then=not_a_way_out)

    assert journal.lines == ["hold", "pay"]


@pytest.mark.parametrize("not_a_failure", [KeyError("a bug"), Evicted()])
async def test_a_bug_in_an_undo_is_no_failed_undo(not_a_failure: BaseException) -> None:
    journal = Journal()

    with pytest.raises(type(not_a_failure)):
        await a_visit_is_paid(journal, then=HoldExpired(), refund=not_a_failure)


async def test_a_refused_step_did_not_happen_and_one_that_failed_may_have() -> None:
    refused, failed = Journal(), Journal()

    with pytest.raises(SlotTaken):
        await a_hold(refused, SlotTaken())
    with pytest.raises(ApplicationError):
        await a_hold(failed, ApplicationError("away"))

    assert refused.lines == ["hold"]
    assert failed.lines == ["hold", "release"]


async def test_a_block_that_ends_well_undoes_nothing() -> None:
    journal = Journal()

    await a_visit_is_paid(journal)

    assert journal.lines == ["hold", "pay"]


async def test_steps_are_undone_once_where_the_process_asks_for_it() -> None:
    journal = Journal()

    async def process() -> None:
        async with Saga() as saga:
            await saga.step(journal.does("hold"), undo=journal.does("release"))
            await saga.compensate()
            raise HoldExpired

    with pytest.raises(HoldExpired):
        await process()
    assert journal.lines == ["hold", "release"]


async def test_a_process_that_runs_to_completion_is_not_broken_off() -> None:
    may_end = asyncio.Event()

    async def process() -> str:
        await may_end.wait()
        return "done"

    running = asyncio.create_task(run_to_completion(process()))
    for _ in range(3):
        await asyncio.sleep(0)
        running.cancel()
    await asyncio.sleep(0)
    may_end.set()

    assert await running == "done"


async def test_a_process_that_ends_itself_as_cancelled_is() -> None:
    async def process() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await run_to_completion(process())
