"""Text messages over an HTTP gateway: POST {to, text} with an Idempotency-Key, 2xx means taken."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from adapters.messages.delivery_errors import RefusedForGood, TryLater, Undelivered

DEADLINE = ClientTimeout(total=10, sock_connect=2)
TAKEN, REFUSED = range(200, 300), range(400, 500)
LONGEST_WAIT = timedelta(hours=1)
# Ours to mend (a wrong key, a wrong path) or soon over: 408, 425 and 429 say so themselves.
MAY_CHANGE = {401, 403, 404, 408, 425, 429}


class SmsGateway:
    """A sender for one gateway; its URL is the endpoint itself."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = ClientSession(timeout=DEADLINE, cookie_jar=DummyCookieJar())

    async def send(self, text: str, *, to: str, notification_id: UUID) -> str:
        """Returns the gateway's id, else ours; every attempt has one key. Raises Undelivered."""
        try:
            async with self._http.post(
                self._url,
                data=orjson.dumps({"to": to, "text": text}),
                headers={
                    "Content-Type": "application/json",
                    "Idempotency-Key": str(notification_id),
                },
                allow_redirects=False,
            ) as answer:
                said = await answer.read()
        except (ClientError, OSError, TimeoutError):
            raise TryLater("sms_away") from None
        if answer.status not in TAKEN:
            raise _undelivered(answer.status, answer.headers.get("Retry-After"))
        return _gateway_id(said) or str(notification_id)

    async def close(self) -> None:
        await self._http.close()


def _undelivered(status: int, wait: str | None) -> Undelivered:
    code = f"sms_{status}"
    if status in REFUSED and status not in MAY_CHANGE:
        return RefusedForGood(code)
    return TryLater(code, retry_after(wait, now=datetime.now(UTC)))


def retry_after(header: str | None, *, now: datetime) -> timedelta | None:
    """RFC 9110: seconds or a date. Bounded, so that a provider's mistake is not a lost message."""
    if header is None:
        return None
    try:
        wait = timedelta(seconds=int(header))
    except (ValueError, OverflowError):
        try:
            wait = parsedate_to_datetime(header) - now
        except (ValueError, TypeError):
            return None
    return min(max(wait, timedelta()), LONGEST_WAIT)


def _gateway_id(answer: bytes) -> str | None:
    try:
        found = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
    given = found.get("id") if isinstance(found, dict) else None
    return str(given) if given is not None else None
