"""The development mailbox: an SMTP server and an SMS gateway that store messages in memory."""

import argparse
import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from stack.mailbox_smtp import MailServer
from stack.mailbox_store import CHANNELS, Fault, Store, text_message

HOST = "127.0.0.1"
PAGE = Path(__file__).with_name("mailbox_page.html")
LARGEST_REQUEST = 256 * 1024
MOST_FAULTS = 1_000_000
LONGEST_ABSENCE = 3600
LOWEST_REFUSAL, HIGHEST_REFUSAL = 400, 599


class BadRequest(Exception):
    """The request is wrong; the message says why."""


def http_app(store: Store, mail: MailServer) -> FastAPI:
    """The HTTP part of the mailbox."""
    app = FastAPI(title="Priyom mailbox", openapi_url=None)
    app.add_exception_handler(BadRequest, _told)
    page = PAGE.read_text()

    @app.get("/")
    async def look() -> HTMLResponse:
        return HTMLResponse(page)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    @app.get("/messages")
    async def messages(
        to: str | None = None, channel: str | None = None, limit: int | None = None
    ) -> JSONResponse:
        # A plus sign in a query means a space. Telephone numbers start with a plus, so undo that.
        wanted = "+" + to[1:] if to is not None and to.startswith(" ") else to
        return JSONResponse(store.find(to=wanted, channel=channel)[:limit])

    @app.delete("/messages")
    async def empty() -> Response:
        store.clear()
        return Response(status_code=204)

    @app.post("/sms")
    async def sms(request: Request) -> JSONResponse:
        body = await _object(request)
        fault = store.next_fault("sms")
        if fault is not None:
            return _refusal(fault)
        to, text = _text(body, "to"), _text(body, "text")
        key = request.headers.get("Idempotency-Key", "")
        store.add(text_message(to=to, text=text, key=key), len(text.encode()))
        return JSONResponse({"id": key or to}, status_code=202)

    @app.post("/faults")
    async def faults(request: Request) -> JSONResponse:
        _play(await _object(request), store, mail)
        return JSONResponse({"left": store.faults_left()})

    return app


def _play(body: Mapping[str, object], store: Store, mail: MailServer) -> None:
    """Refuse the next messages of a channel, or let the mail server be away."""
    channel = _text(body, "channel")
    if channel not in CHANNELS:
        raise BadRequest(f"channel must be one of {', '.join(CHANNELS)}")
    if "awaySeconds" in body:
        if channel != "email":
            raise BadRequest("awaySeconds is for the channel email: the mail server leaves")
        mail.leave(_number(body, "awaySeconds", highest=LONGEST_ABSENCE))
        return
    status = _number(body, "status", lowest=LOWEST_REFUSAL, highest=HIGHEST_REFUSAL)
    after = _number(body, "retryAfter", highest=86_400) if "retryAfter" in body else None
    times = _number(body, "times", highest=MOST_FAULTS) if "times" in body else 1
    store.refuse(channel, Fault(status=status, retry_after=after), times)


def _refusal(fault: Fault) -> JSONResponse:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return JSONResponse({"error": "refused on demand"}, status_code=fault.status, headers=headers)


async def _told(_request: Request, mistake: Exception) -> JSONResponse:
    return JSONResponse({"error": str(mistake)}, status_code=400)


async def _object(request: Request) -> Mapping[str, object]:
    content = await request.body()
    if len(content) > LARGEST_REQUEST:
        raise BadRequest("the body is too large")
    try:
        body = json.loads(content)
    except ValueError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{name} must be a text")
    return value


def _number(body: Mapping[str, object], name: str, *, lowest: int = 0, highest: int) -> int:
    value = body.get(name)
    if type(value) is not int or not lowest <= value <= highest:
        raise BadRequest(f"{name} must be a whole number from {lowest} to {highest}")
    return value


async def run(smtp_port: int, http_port: int, host: str) -> None:
    """Run both servers in one loop until a signal stops uvicorn."""
    store = Store()
    mail = MailServer(store, host, smtp_port)
    await mail.open()
    config = uvicorn.Config(
        http_app(store, mail), host=host, port=http_port, access_log=False, log_level="warning"
    )
    print(f"mailbox: smtp {host}:{smtp_port}, http://{host}:{http_port}", flush=True)
    try:
        await uvicorn.Server(config).serve()
    finally:
        mail.close()


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m stack.mailbox", description=__doc__)
    options.add_argument("--smtp-port", type=int, required=True)
    options.add_argument("--http-port", type=int, required=True)
    options.add_argument("--host", default=HOST, help="a container listens on 0.0.0.0")
    chosen = options.parse_args()
    asyncio.run(run(chosen.smtp_port, chosen.http_port, chosen.host))


if __name__ == "__main__":
    main()
