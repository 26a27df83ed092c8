"""Connections between requests."""

import asyncio

import httpx
import uvicorn
from fastapi import FastAPI

from adapters.process.settings import product
from api.__main__ import configured
from api.http.protocol import ProblemProtocol

LONGEST_IDLE_OF_CALLERS_SECONDS = 60
"""nginx's `keepalive_timeout` of upstreams and AWS's balancer; httpx and Node keep less."""


async def test_a_connection_is_kept_longer_than_any_caller_would_use_it_again() -> None:
    config = configured(FastAPI(), product().model_copy(update={"api_port": 0}))
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn raises no event
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]

    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await http.get("/")
            (kept,) = server.server_state.connections
            assert isinstance(kept, ProblemProtocol)
            closing = kept.timeout_keep_alive_task
            assert closing is not None
            left = closing.when() - asyncio.get_running_loop().time()
    finally:
        server.should_exit = True
        await serving

    assert left > LONGEST_IDLE_OF_CALLERS_SECONDS
