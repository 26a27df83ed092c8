"""The mailbox's SMTP server: it stores e-mails, and can refuse them or be away for a while."""

import asyncio
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, Envelope, Session

from stack.mailbox_store import Store, letter

LARGEST_LETTER = 4 * 1024 * 1024


class KeepsLetters:
    """aiosmtpd's handler: accepts every e-mail unless it simulates a fault."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's own name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        fault = self._store.next_fault("email")
        if fault is not None:
            return f"{fault.status} Refused on demand"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's own name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.original_content or b""
        self._store.add(letter(content, envelope.rcpt_tos), len(content))
        return "250 Kept"


class MailServer:
    """Listens until it is closed. `leave` looks like a crash from outside."""

    def __init__(self, store: Store, host: str, port: int) -> None:
        self._handler = KeepsLetters(store)
        self._host, self._port = host, port
        self._sessions: WeakSet[SMTP] = WeakSet()
        self._server: asyncio.Server | None = None
        self._coming_back: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, self._host, self._port)

    def close(self) -> None:
        """Refuse new connections and cut the open ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for session in self._sessions:
            if isinstance(session.transport, asyncio.Transport):
                session.transport.abort()

    def leave(self, seconds: int) -> None:
        """Be away for `seconds`; 0 means come back now."""
        self.close()
        if self._coming_back is not None:
            self._coming_back.cancel()
        self._coming_back = asyncio.get_running_loop().call_later(seconds, self._come_back)

    def _come_back(self) -> None:
        if self._server is None:
            self._opening = asyncio.create_task(self.open())

    def _session(self) -> SMTP:
        session = SMTP(
            self._handler,
            hostname="priyom-mailbox",
            ident="Priyom mailbox",
            data_size_limit=LARGEST_LETTER,
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
        )
        self._sessions.add(session)
        return session
