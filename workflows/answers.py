"""What an update of a run waits for, and how its validator says no."""

from collections.abc import Callable
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.booking import CancelReason, Refusal

Answer = TypeVar("Answer")


async def answered(answer: Callable[[], Answer | None]) -> Answer:
    """The answer, as soon as there is one."""
    await workflow.wait_condition(lambda: answer() is not None)
    given = answer()
    assert given is not None  # noqa: S101 - awaited above
    return given


def reject(refusal: Refusal | None) -> None:
    """In a validator: a refused update leaves no trace in the run, and its caller the code."""
    if refusal is not None:
        raise ApplicationError(
            f"the appointment cannot take this any more: {refusal.code}",
            refusal,
            type=refusal.code,
            category=ApplicationErrorCategory.BENIGN,
        )


def reject_unknown(reason: str) -> None:
    """In a validator: a reason that is no code of ours."""
    if reason not in set(CancelReason):
        raise ApplicationError(f"reason is one of {', '.join(CancelReason)}", type="malformed")
