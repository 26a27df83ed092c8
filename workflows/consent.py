"""What a patient may wish while a slot is held, and the way out when it is given up."""

from dataclasses import dataclass

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.booking import CancelReason, Refusal
from domain.errors import AlreadyCancelled


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """Confirm the appointment."""


@dataclass(frozen=True, kw_only=True)
class Cancel:
    """Give the held slot back."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Extend:
    """Let the hold last longer; `version` is the appointment as the patient saw it."""

    version: int


Request = Confirm | Cancel | Extend


class Withdrawn(AlreadyCancelled):
    """The hold was given up before it was confirmed."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class StoppedByOperations(Withdrawn):
    """Operations cancelled the run while it waited for the patient."""

    def __init__(self) -> None:
        super().__init__(CancelReason.CLINIC_REQUEST)


def rejection(refusal: Refusal) -> ApplicationError:
    """What a validator raises: the update leaves no trace, the caller gets the code."""
    return ApplicationError(
        f"the appointment cannot take this any more: {refusal.code}",
        refusal,
        type=refusal.code,
        category=ApplicationErrorCategory.BENIGN,
    )
