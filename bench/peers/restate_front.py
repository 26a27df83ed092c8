"""The thin API before Restate: `python -m bench.peers.restate_front PORT INGRESS`.

It speaks to the ingress over kept-alive connections of our small client, which costs less than the
SDK's own, httpx.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from pydantic import TypeAdapter

from bench.http import Answer, Connection
from bench.peers.front import serve
from domain.booking import BookingRequest
from domain.errors import REFUSALS, SlotTaken

REQUEST = TypeAdapter(BookingRequest)


class Ingress:
    """Restate's HTTP ingress; a connection for each call under way, kept for the next."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[Connection] = []

    async def hold(self, request: BookingRequest) -> bytes:
        """A workflow answers by a promise, asked for beside its start: either may arrive first."""
        key = str(request.appointment_id)
        _, held = await asyncio.gather(
            self._post(f"{key}/run/send", REQUEST.dump_json(request)),
            self._post(f"{key}/held"),
        )
        return held

    async def confirm(self, appointment_id: UUID) -> bytes:
        return await self._post(f"{appointment_id}/confirm")

    async def close(self) -> None:
        for connection in self._idle:
            await connection.close()

    async def _post(self, path: str, body: bytes = b"") -> bytes:
        connection = self._idle.pop() if self._idle else Connection(self._url)
        answer = await connection.send("POST", f"/Booking/{path}", body)
        self._idle.append(connection)
        if answer.status >= 400:
            raise _refusal(answer)
        return answer.content


def _refusal(answer: Answer) -> Exception:
    code = (answer.body or {}).get("message", "")
    return REFUSALS.get(code, SlotTaken)() if answer.status < 500 else RuntimeError(str(answer))


@asynccontextmanager
async def open_ingress(url: str) -> AsyncIterator[Ingress]:
    ingress = Ingress(url)
    yield ingress
    await ingress.close()


if __name__ == "__main__":
    serve(partial(open_ingress, sys.argv[2]), int(sys.argv[1]))
