"""Whether Temporal writes, as its callers know it."""

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from adapters.temporal.starts import BELIEVED_SECONDS, STUCK_AFTER_SECONDS, Starts


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def failing(starts: Starts, error: Exception) -> None:
    with pytest.raises(type(error)), starts.one():
        raise error


def rpc(status: RPCStatusCode) -> RPCError:
    return RPCError("", status, b"")


def test_a_start_that_fails_is_believed_for_a_while_and_until_one_is_written() -> None:
    clock = Clock()
    starts = Starts(clock=clock)
    seen = [starts.are_written]

    failing(starts, rpc(RPCStatusCode.UNAVAILABLE))
    seen.append(starts.are_written)
    clock.now += BELIEVED_SECONDS + 1
    seen.append(starts.are_written)
    failing(starts, rpc(RPCStatusCode.UNAVAILABLE))
    clock.now += 1
    with starts.one():
        pass
    seen.append(starts.are_written)

    assert seen == [True, False, True, True]


def test_a_start_that_hangs_tells_it_before_it_fails() -> None:
    clock = Clock()
    starts = Starts(clock=clock)

    with starts.one():
        at_first = starts.are_written
        clock.now += STUCK_AFTER_SECONDS
        hanging = starts.are_written
        with starts.one():
            pass
        another_was_written = starts.are_written

    assert (at_first, hanging, another_was_written) == (True, False, True)


def test_a_limit_a_caller_who_left_and_a_run_that_is_there_are_no_fault_of_the_store() -> None:
    starts = Starts(clock=Clock())

    failing(starts, rpc(RPCStatusCode.RESOURCE_EXHAUSTED))
    failing(starts, rpc(RPCStatusCode.CANCELLED))
    failing(starts, WorkflowAlreadyStartedError("id", "type"))

    assert starts.are_written
