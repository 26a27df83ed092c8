"""Commands to the supervisor: one JSON line each way over a Unix socket."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypedDict

from stack.errors import NoSupervisorError

ANSWER_WITHIN = 780
"""Seconds, longer than both tries to start a part that gives way."""
NOT_RUNNING = "Priyom is not running: `make up` starts it."


class Request(TypedDict, total=False):
    command: str
    name: str


class Row(TypedDict):
    """A line of `make status`."""

    name: str
    state: str
    pid: int | None
    port: int | None
    since: str
    restarts: int


class Answer(TypedDict, total=False):
    error: str
    rows: list[Row]


Handler = Callable[[Request], Awaitable[Answer]]


async def serve(path: Path, handle: Handler) -> asyncio.Server:
    """Answer requests on that socket. Only our account may open it."""
    _forget(path)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = json.loads(await reader.readline())
        writer.write(json.dumps(await handle(request)).encode() + b"\n")
        await writer.drain()
        writer.close()

    # With this mask no other account can open the socket, not even for a moment.
    mask = os.umask(0o077)
    try:
        return await asyncio.start_unix_server(answer, path)
    finally:
        os.umask(mask)


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)


def ask(path: Path, request: Request) -> Answer:
    """Ask the supervisor and wait for its answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_WITHIN)
        try:
            connection.connect(os.fspath(path))
        except OSError:
            raise NoSupervisorError(NOT_RUNNING) from None
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile() as lines:
            line = lines.readline()
    if not line:
        raise NoSupervisorError(NOT_RUNNING)
    answer: Answer = json.loads(line)
    return answer
