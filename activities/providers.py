"""Who takes a message to send it on."""

from datetime import timedelta
from typing import Protocol
from uuid import UUID

from adapters.messages.rendering import Letter


class Mail(Protocol):
    """Sends letters; `sender` is the address they come from."""

    @property
    def sender(self) -> str: ...

    async def send(
        self, letter: Letter, *, to: str, notification_id: UUID, patience: timedelta
    ) -> str: ...


class Sms(Protocol):
    """Sends text messages."""

    async def send(self, text: str, *, to: str, notification_id: UUID) -> str: ...
