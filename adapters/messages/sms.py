"""Text messages over an HTTP gateway: POST {to, text} with an Idempotency-Key, 2xx means taken."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import httpx
import orjson

from adapters.messages.delivery_errors import RefusedForGood, TryLater, Undelivered

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 10.0
LONGEST_WAIT = timedelta(hours=1)
# Ours to mend (a wrong key, a wrong path) or soon over: 408, 425 and 429 say so themselves.
MAY_CHANGE = {401, 403, 404, 408, 425, 429}


class SmsGateway:
    """A sender for one gateway; its URL is the endpoint itself."""

    def __init__(self, url: str) -> None:
        self._url = url
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        self._http = httpx.AsyncClient(timeout=timeout, trust_env=False)

    async def send(self, text: str, *, to: str, notification_id: UUID) -> str:
        """Returns the gateway's id, else ours; every attempt has one key. Raises Undelivered."""
        try:
            answer = await self._http.post(
                self._url,
                content=orjson.dumps({"to": to, "text": text}),
                headers={
                    "Content-Type": "application/json",
                    "Idempotency-Key": str(notification_id),
                },
            )
        except httpx.HTTPError:
            raise TryLater("sms_away") from None
        if not answer.is_success:
            raise _undelivered(answer)
        return _gateway_id(answer) or str(notification_id)

    async def close(self) -> None:
        await self._http.aclose()


def _undelivered(answer: httpx.Response) -> Undelivered:
    code = f"sms_{answer.status_code}"
    if answer.is_client_error and answer.status_code not in MAY_CHANGE:
        return RefusedForGood(code)
    return TryLater(code, retry_after(answer.headers.get("Retry-After"), now=datetime.now(UTC)))


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


def _gateway_id(answer: httpx.Response) -> str | None:
    try:
        found = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return None
    given = found.get("id") if isinstance(found, dict) else None
    return str(given) if given is not None else None
