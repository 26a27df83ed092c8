"""E-mail over SMTP: one letter in one envelope, on connections that are kept open."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from email.charset import BASE64, Charset
from email.errors import MessageError
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import Compat32
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit
from uuid import UUID

from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from adapters.messages.addresses import BadAddress, mailbox
from adapters.messages.delivery_errors import (
    UNANSWERED,
    RefusedForGood,
    TryLater,
    Undelivered,
)
from adapters.messages.rendering import Letter
from adapters.messages.smtp_data import Connection, Turn, Unanswered

REPLY_SECONDS = 10.0
HANDED_OVER_WITHIN = timedelta(seconds=13)
"""From the turn for a connection to the end of the letter, all together."""

LOOPBACK = ("127.0.0.1", "::1")
HANDED_OVER_AT_ONCE = 4
WAIT_AT_ONCE = 16
"""Letters whose server may take minutes; each keeps a connection meanwhile."""

PERMANENT = 500
LINE = 76
IN_BASE64 = Charset("utf-8")
IN_BASE64.header_encoding = BASE64  # or both encodings are tried, letter by letter


class LinesOfSmtp(Compat32):
    """Ends lines as SMTP wants it; a short header of ASCII needs no folding to be looked for."""

    def fold_binary(self, name: str, value: str) -> bytes:
        line = f"{name}: {value}"
        if line.isascii() and line.isprintable() and len(line) <= LINE:
            return line.encode() + b"\r\n"
        return super().fold_binary(name, value)


LINES_OF_SMTP = LinesOfSmtp(linesep="\r\n")


class SmtpMail:
    """A sender for one server; `smtp_url` is smtp://user:password@host:port, smtps:// for TLS.

    STARTTLS is used wherever the server offers it, and insisted on where a password would go over a
    network. An authority of the clinic's own is trusted by SSL_CERT_FILE. Connections are kept, and
    checked when used. Raises BadAddress for a sender that no server can be told.
    """

    def __init__(
        self, smtp_url: str, *, sender: str, within: timedelta = HANDED_OVER_WITHIN
    ) -> None:
        self.sender = mailbox(sender)
        self._url = urlsplit(smtp_url)
        self._within = within.total_seconds()
        self._idle: list[Connection] = []
        self._free = asyncio.Semaphore(HANDED_OVER_AT_ONCE)
        self._patient = asyncio.Semaphore(WAIT_AT_ONCE)

    async def send(
        self, letter: Letter, *, to: str, notification_id: UUID, patience: timedelta = timedelta()
    ) -> str:
        """Returns the Message-ID, which every attempt repeats. Raises Undelivered.

        `patience`: so long the answer to a letter that the server has may be waited for, past the
        time that handing it over may take.
        """
        message_id = f"<{notification_id}@{self.sender.rpartition('@')[2]}>"
        try:
            to = mailbox(to)
            content = mime(letter, sender=self.sender, to=to, message_id=message_id)
        except BadAddress:
            raise RefusedForGood("bad_address") from None
        except (ValueError, UnicodeError, MessageError):
            raise RefusedForGood("letter_not_written") from None
        try:
            async with asyncio.timeout(self._within) as deadline, self._waiting(patience):
                turn = Turn(deadline=deadline, places=self._free, patience=patience.total_seconds())
                async with turn:
                    await self._hand_over(content, to, turn)
        except Unanswered:
            raise TryLater(UNANSWERED) from None
        except SMTPNotSupported:
            raise _not_supported(to) from None
        except SMTPException as error:
            raise _undelivered(error) from None
        except (OSError, TimeoutError):
            raise TryLater("smtp_away") from None
        except (ValueError, UnicodeError):
            raise TryLater("smtp_settings") from None
        return message_id

    async def close(self) -> None:
        for connection in self._idle:
            with suppress(SMTPException, OSError, TimeoutError):
                await connection.quit()
        self._idle.clear()

    def _waiting(self, patience: timedelta) -> AbstractAsyncContextManager[None]:
        """One who has no patience stands behind nobody who has."""
        return self._patient if patience else nullcontext()

    async def _hand_over(self, content: bytes, to: str, turn: Turn) -> None:
        """A kept connection may have been closed by the server: then a new one is tried."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_connected:
                continue
            connection.turn = turn
            with suppress(SMTPServerDisconnected, ConnectionError):
                return await self._use(connection, content, to)
        connection = self._connection()
        connection.turn = turn
        try:
            await connection.connect()
        except BaseException:
            connection.close()
            raise
        return await self._use(connection, content, to)

    async def _use(self, connection: Connection, content: bytes, to: str) -> None:
        """After a clean yes or no the connection serves the next letter."""
        try:
            options = () if to.isascii() else ("SMTPUTF8",)
            await connection.sendmail(self.sender, [to], content, mail_options=options)
        except SMTPServerDisconnected:
            connection.close()
            raise
        except SMTPException:
            self._keep(connection)
            raise
        except BaseException:
            connection.close()
            raise
        self._keep(connection)

    def _keep(self, connection: Connection) -> None:
        if connection.is_connected and len(self._idle) < HANDED_OVER_AT_ONCE:
            self._idle.append(connection)
        else:
            connection.close()

    def _needs_tls(self) -> bool:
        """No password in the clear, whatever a server, or somebody in between, offers."""
        is_near = (self._url.hostname or LOOPBACK[0]) in LOOPBACK
        return self._url.scheme == "smtp" and bool(self._url.username) and not is_near

    def _connection(self) -> Connection:
        return Connection(
            hostname=self._url.hostname or "127.0.0.1",
            port=self._url.port,
            username=unquote(self._url.username) if self._url.username else None,
            password=unquote(self._url.password) if self._url.password else None,
            use_tls=self._url.scheme == "smtps",
            start_tls=True if self._needs_tls() else None,
            timeout=REPLY_SECONDS,
            local_hostname=self.sender.rpartition("@")[2],
        )


def mime(letter: Letter, *, sender: str, to: str, message_id: str) -> bytes:
    """With the older half of the standard library, which is three times as fast as the newer."""
    boundary = message_id[1:].partition("@")[0]  # the parts are base64, in which it cannot stand
    message = MIMEMultipart("mixed", boundary=f"={boundary}=")
    message["Message-ID"] = message_id
    message["Date"] = format_datetime(datetime.now(UTC))
    message["From"] = sender
    message["To"] = to.encode().decode("ascii", "surrogateescape")  # RFC 6532: no encoded word
    message["Subject"] = _encoded(letter.subject)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    wordings = MIMEMultipart("alternative", boundary=f"=={boundary}==")
    wordings.attach(MIMEText(letter.text, "plain", "utf-8"))
    wordings.attach(MIMEText(letter.html, "html", "utf-8"))
    message.attach(wordings)
    if letter.calendar:
        invitation = MIMEText(letter.calendar, "calendar", "utf-8")
        invitation.set_param("method", letter.calendar_method)
        invitation.add_header("Content-Disposition", "attachment", filename="visit.ics")
        message.attach(invitation)
    return message.as_bytes(policy=LINES_OF_SMTP)


def _encoded(subject: str) -> str:
    return subject if subject.isascii() else Header(subject, IN_BASE64).encode()


def _not_supported(to: str) -> Undelivered:
    """For good only if it is the address that asks for it; a login is ours to mend."""
    kind = TryLater if to.isascii() else RefusedForGood
    return kind("smtp_not_supported")


def _undelivered(error: SMTPException) -> Undelivered:
    """Final is what the server says for good about this address or this text, nothing else.

    A refused sender or password is ours to mend, and the letter goes out when it is.
    """
    if isinstance(error, SMTPRecipientsRefused):
        return _by_code([refused.code for refused in error.recipients], final=True)
    if isinstance(error, SMTPResponseException):
        return _by_code([error.code], final=isinstance(error, SMTPDataError))
    return TryLater("smtp_away")


def _by_code(codes: Sequence[int], *, final: bool) -> Undelivered:
    code = max(codes, default=0)
    kind = RefusedForGood if final and code >= PERMANENT else TryLater
    return kind(f"smtp_{code}")
