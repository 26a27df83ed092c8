"""What a link can be made to do, and what a case waits to see on it."""

import asyncio
import re
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from tests.faults.rig.waiting import IN_TIME


class Toward(StrEnum):
    """A direction on the link."""

    SERVER = "server"
    CLIENT = "client"

    @property
    def other(self) -> "Toward":
        return Toward.CLIENT if self is Toward.SERVER else Toward.SERVER


class Mode(StrEnum):
    """What the link does with all bytes."""

    CLEAR = "clear"
    FREEZE = "freeze"
    """Nothing arrives until it is healed, then everything does: retransmitted packets."""
    SWALLOW = "swallow"
    """A black hole: accepts and reads, but never answers. Healing resets its connections."""


class Act(StrEnum):
    """What happens once the pattern was seen on the way to the server."""

    ONLY_LOOK = "seen"
    HOLD = "request held"
    """The server gets it only after the link is healed."""
    HOLD_REPLY = "reply held"
    """The server executes it; the reply arrives only after the link is healed."""
    LOSE_REPLY = "reply lost"
    """The server executes it; the client gets a reset instead of the reply."""
    RESET = "reset at sight"


@dataclass(eq=False)
class Sighting:
    """Wait for `came`: the action is done, and the server has answered if there is a reply."""

    stages: tuple[re.Pattern[bytes], ...]
    act: Act
    times: int
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def within(self, seconds: float = IN_TIME) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.came.wait()
        except TimeoutError:
            awaited = ", then ".join(str(stage.pattern) for stage in self.stages)
            raise TimeoutError(f"not within {seconds:g} s: {self.act} at {awaited}") from None


def id_in_any_form(appointment_id: UUID) -> bytes:
    """A pattern for the id as text, as hexadecimal digits or as 16 bytes."""
    forms = (str(appointment_id).encode(), appointment_id.hex.encode(), appointment_id.bytes)
    return b"|".join(re.escape(form) for form in forms)
