"""The thin API before Restate: `python -m bench.peers.restate_front PORT INGRESS workflow|object`.

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


class ObjectIngress:
    """Restate's HTTP ingress; a connection for each call under way, kept for the next."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[Connection] = []

    async def hold(self, request: BookingRequest) -> bytes:
        return await self._post(f"{request.appointment_id}/hold", REQUEST.dump_json(request))

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


class WorkflowIngress(ObjectIngress):
    """A workflow answers by a promise, which is asked for beside its start."""

    async def hold(self, request: BookingRequest) -> bytes:
        """Either may arrive first."""
        key = str(request.appointment_id)
        _, held = await asyncio.gather(
            self._post(f"{key}/run/send", REQUEST.dump_json(request)),
            self._post(f"{key}/held"),
        )
        return held


SHAPES = {"object": ObjectIngress, "workflow": WorkflowIngress}


def _refusal(answer: Answer) -> Exception:
    code = (answer.body or {}).get("message", "")
    return REFUSALS.get(code, SlotTaken)() if answer.status < 500 else RuntimeError(str(answer))


@asynccontextmanager
async def open_ingress(url: str, shape: str) -> AsyncIterator[ObjectIngress]:
    ingress = SHAPES[shape](url)
    yield ingress
    await ingress.close()


if __name__ == "__main__":
    serve(partial(open_ingress, sys.argv[2], sys.argv[3]), int(sys.argv[1]))
