"""What the mailbox keeps: messages by key, in memory, within bounds; and the faults it plays."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import MIMEPart
from itertools import count
from typing import TypedDict

MOST_MESSAGES = 20_000
MOST_BYTES = 96 * 1024 * 1024

CHANNELS = ("email", "sms")


class Attachment(TypedDict):
    """A file that came with a letter; `text` is empty when it is not text."""

    filename: str
    contentType: str
    text: str


class Message(TypedDict):
    """One message as the front end of the mailbox shows it."""

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
    """A refusal that the mailbox plays; `status` is an HTTP or SMTP code."""

    status: int
    retry_after: int | None = None


class Store:
    """The oldest messages make room for new ones; the same key twice is one message."""

    def __init__(self, *, most_messages: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES) -> None:
        self._messages: OrderedDict[tuple[str, str], tuple[Message, int]] = OrderedDict()
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._bytes = 0
        self._numbers = count(1)
        self._faults: dict[str, deque[Fault]] = {channel: deque() for channel in CHANNELS}

    def add(self, message: Message, size: int) -> bool:
        """Whether it is new. One without a key is always new."""
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
        """Refuse the next so many messages of the channel; 0 ends a refusal."""
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
    parsed = message_from_bytes(content, policy=policy.default)
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    return Message(
        channel="email",
        to=", ".join(to),
        subject=parsed["Subject"],
        text=_text(text),
        html=_text(html) if html is not None else None,
        receivedAt=_now(),
        headers={name: str(value) for name, value in parsed.items()},
        attachments=[_attachment(part) for part in parsed.iter_attachments()],
        key=str(parsed["Message-ID"] or "").strip(),
        deliveries=1,
    )


def _attachment(part: MIMEPart) -> Attachment:
    return Attachment(
        filename=part.get_filename() or "",
        contentType=str(part["Content-Type"]),
        text=_text(part),
    )


def _text(part: MIMEPart | None) -> str:
    if part is None or part.get_content_maintype() != "text":
        return ""
    raw = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    # An invitation keeps its CRLF: that is what a calendar reads.
    return raw.decode(charset, "replace") if isinstance(raw, bytes) else ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
