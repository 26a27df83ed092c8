"""What a link between two parts can be made to do, and what a case waits to see on it."""

import asyncio
import re
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Toward(StrEnum):
    """A direction on the link."""

    SERVER = "server"
    CLIENT = "client"

    @property
    def other(self) -> "Toward":
        return Toward.CLIENT if self is Toward.SERVER else Toward.SERVER


class Mode(StrEnum):
    """What the whole link does with bytes."""

    CLEAR = "clear"
    FREEZE = "freeze"
    """Nothing arrives until it is healed, then everything does: lost packets, sent again."""
    SWALLOW = "swallow"
    """A black hole: accepts, reads, says nothing. Healing resets what was swallowed from."""


class Act(StrEnum):
    """What happens when the pattern was seen on its way to the server."""

    ONLY_LOOK = "seen"
    HOLD = "request held"
    """The server does not get it, until the link is healed."""
    HOLD_REPLY = "reply held"
    """The server gets it and does it; its reply waits until the link is healed."""
    LOSE_REPLY = "reply lost"
    """The server gets it and does it; the client gets a reset in place of the reply."""
    RESET = "reset at sight"


@dataclass(eq=False)
class Sighting:
    """Wait for `came`: the act is done, and for a reply the server has answered."""

    stages: tuple[re.Pattern[bytes], ...]
    act: Act
    times: int
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.came.wait()
        except TimeoutError:
            awaited = ", then ".join(str(stage.pattern) for stage in self.stages)
            raise TimeoutError(f"not within {seconds:g} s: {self.act} at {awaited}") from None


def id_in_any_form(appointment_id: UUID) -> bytes:
    """A pattern for the id as text, as hexadecimal digits and as sixteen bytes."""
    forms = (str(appointment_id).encode(), appointment_id.hex.encode(), appointment_id.bytes)
    return b"|".join(re.escape(form) for form in forms)
