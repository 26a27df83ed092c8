"""The messages of the mailbox, by key, in bounded memory; and the faults it simulates."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import Header, decode_header, make_header
from email.message import Message as EmailMessage
from itertools import count
from typing import TypedDict

MOST_MESSAGES = 20_000
MOST_BYTES = 96 * 1024 * 1024

CHANNELS = ("email", "sms")


class Attachment(TypedDict):
    """An attachment of an e-mail. `text` is empty unless it is a text file."""

    filename: str
    contentType: str
    text: str


class Message(TypedDict):
    """One message, as the mailbox shows it."""

    channel: str
    to: str
    subject: str | None
    text: str
    html: str | None
    receivedAt: str
    headers: dict[str, str]
    attachments: list[Attachment]
    key: str
    deliveries: int


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A simulated refusal. `status` is an HTTP or SMTP code."""

    status: int
    retry_after: int | None = None


class Store:
    """Old messages make room for new ones. Two messages with the same key are one message."""

    def __init__(self, *, most_messages: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES) -> None:
        self._messages: OrderedDict[tuple[str, str], tuple[Message, int]] = OrderedDict()
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._bytes = 0
        self._numbers = count(1)
        self._faults: dict[str, deque[Fault]] = {channel: deque() for channel in CHANNELS}

    def add(self, message: Message, size: int) -> bool:
        """Whether it is new. A message without a key is always new."""
        key = (message["channel"], message["key"] or f"without-key-{next(self._numbers)}")
        known = self._messages.get(key)
        if known is not None:
            known[0]["deliveries"] += 1
            return False
        self._messages[key] = (message, size)
        self._bytes += size
        while len(self._messages) > self._most_messages or self._bytes > self._most_bytes:
            _, (_, freed) = self._messages.popitem(last=False)
            self._bytes -= freed
        return True

    def find(self, *, to: str | None = None, channel: str | None = None) -> list[Message]:
        """Newest first."""
        return [
            message
            for message, _ in reversed(self._messages.values())
            if (to is None or message["to"].casefold() == to.casefold())
            and (channel is None or message["channel"] == channel)
        ]

    def clear(self) -> None:
        self._messages.clear()
        self._bytes = 0

    def refuse(self, channel: str, fault: Fault, times: int) -> None:
        """Refuse the next `times` messages of the channel; 0 ends the refusal."""
        self._faults[channel] = deque([fault] * times)

    def next_fault(self, channel: str) -> Fault | None:
        faults = self._faults[channel]
        return faults.popleft() if faults else None

    def faults_left(self) -> dict[str, int]:
        return {channel: len(faults) for channel, faults in self._faults.items()}


def text_message(*, to: str, text: str, key: str) -> Message:
    return Message(
        channel="sms",
        to=to,
        subject=None,
        text=text,
        html=None,
        receivedAt=_now(),
        headers={},
        attachments=[],
        key=key,
        deliveries=1,
    )


def letter(content: bytes, to: list[str]) -> Message:
    parsed = message_from_bytes(content)
    leaves = [part for part in parsed.walk() if not part.is_multipart()]
    bodies = {
        part.get_content_type(): _text(part) for part in leaves if part.get_filename() is None
    }
    return Message(
        channel="email",
        to=", ".join(to),
        subject=_decoded(parsed["Subject"]) if parsed["Subject"] is not None else None,
        text=bodies.get("text/plain", ""),
        html=bodies.get("text/html"),
        receivedAt=_now(),
        headers={name: _decoded(value) for name, value in parsed.items()},
        attachments=[_attachment(part) for part in leaves if part.get_filename() is not None],
        key=str(parsed["Message-ID"] or "").strip(),
        deliveries=1,
    )


def _decoded(header: str | Header) -> str:
    return " ".join(str(make_header(decode_header(header))).split())


def _attachment(part: EmailMessage) -> Attachment:
    return Attachment(
        filename=part.get_filename() or "",
        contentType=_decoded(part["Content-Type"]),
        text=_text(part),
    )


def _text(part: EmailMessage) -> str:
    """Decoded without changing the line ends: a calendar file needs CRLF."""
    raw = part.get_payload(decode=True)
    if part.get_content_maintype() != "text" or not isinstance(raw, bytes):
        return ""
    return raw.decode(part.get_content_charset("utf-8"), "replace")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
