"""A mail server and a gateway in memory."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from adapters.messages.rendering import Letter


@dataclass
class Provider:
    """A mail server and a gateway in memory; raises what it is told to, in turn."""

    sender: str = "no-reply@clinic.example"
    faults: list[Exception] = field(default_factory=list)
    sent: list[tuple[str, UUID]] = field(default_factory=list)
    contents: list[Letter | str] = field(default_factory=list)
    hangs: asyncio.Event | None = None

    async def send(
        self,
        content: Letter | str,
        *,
        to: str,
        notification_id: UUID,
        patience: timedelta = timedelta(),  # noqa: ARG002 - of a server that is slow
    ) -> str:
        if self.hangs is not None:
            await self.hangs.wait()
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append((to, notification_id))
        self.contents.append(content)
        return "provider-1"
