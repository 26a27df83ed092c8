"""What metrics and traces cost, in turns in one run: `-m long -s`, on a quiet machine.

Beside the stack's own API it starts one that measures nothing, one as it is, asked for its metrics
every second, and one that also traces every request to a collector. They take turns at the same
visits, A B C, then C B A. Prints visits a second and the API's CPU-ms a visit, and the difference.
"""

import asyncio
import statistics
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from bench.free_slots import Wish
from bench.http import Connection
from bench.processes import cpu_seconds
from stack.ports import LOOPBACK, Ports
from tests.acceptance.measuring import Side, api_beside, measured_stack

OFF, METRICS, TRACES = "nothing measured", "metrics", "metrics and traces"
MODULES = {OFF: "tests.acceptance.unwatched_api", METRICS: "api", TRACES: "api"}
AT_MOST = {METRICS: 0.03, TRACES: 0.10}
"""Of the rate."""

PATIENTS = 8
ROUNDS, SECONDS = 25, 2.0
ASKED_EVERY = 1.0
"""Seconds; Prometheus asks every fifteen."""


@dataclass(kw_only=True)
class Collector:
    """Takes spans and keeps none."""

    batches: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.batches += bool(await request.read())
        return web.Response()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/v1/traces", self.take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, 0).start()
        yield f"http://{LOOPBACK}:{runner.addresses[0][1]}"
        await runner.cleanup()


@dataclass(kw_only=True)
class Turns:
    """The same visits for each side: held, confirmed, cancelled, and free again."""

    wishes: deque[Wish]
    rates: dict[str, list[float]] = field(default_factory=dict)
    """Visits a second, turn by turn."""

    cpu_ms: dict[str, list[float]] = field(default_factory=dict)
    """Of the API, a visit."""

    async def take(self, side: Side) -> None:
        before, begun = cpu_seconds(side.pid), time.perf_counter()
        async with AsyncExitStack() as asked:
            if side.name != OFF:
                await asked.enter_async_context(asked_for_metrics(side.url))
            ends = begun + SECONDS
            visits = sum(
                await asyncio.gather(*(self._patient(side, ends) for _ in range(PATIENTS)))
            )
        seconds, used = time.perf_counter() - begun, cpu_seconds(side.pid) - before
        self.rates.setdefault(side.name, []).append(visits / seconds)
        self.cpu_ms.setdefault(side.name, []).append(used * 1000 / visits)

    async def _patient(self, side: Side, ends: float) -> int:
        connection, visits = Connection(side.url), 0
        while time.perf_counter() < ends:
            wish = self.wishes.popleft()
            held = await connection.hold(wish)
            assert held.status == 201, held
            visit = held.body["appointmentId"]
            for command in ("confirm", "cancel"):
                told = await connection.tell(visit, command)
                assert told.status == 200, told
            self.wishes.append(wish)
            visits += 1
        await connection.close()
        return visits

    def lost(self, name: str) -> list[float]:
        """Of the rate without, in the same round; by round."""
        pairs = zip(self.rates[name], self.rates[OFF], strict=True)
        return [1 - ours / without for ours, without in pairs]


@asynccontextmanager
async def asked_for_metrics(url: str) -> AsyncIterator[None]:
    async def ask() -> None:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            while True:
                assert (await http.get("/metrics")).status_code == 200
                await asyncio.sleep(ASKED_EVERY)

    task = asyncio.create_task(ask())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_metrics_and_traces_cost_little_of_the_rate(tmp_path: Path) -> None:
    ports, collector = Ports(), Collector()
    async with AsyncExitStack() as things:
        things.callback(ports.release)
        clinic = await things.enter_async_context(measured_stack(tmp_path / "home"))
        collects = await things.enter_async_context(collector.open())
        unlimited = {"PRIYOM_RATE_LIMIT": "off"}
        traced = {TRACES: {"OTEL_EXPORTER_OTLP_ENDPOINT": collects}}
        sides = [
            await things.enter_async_context(
                api_beside(clinic, name, ports, module=module, **unlimited, **traced.get(name, {}))
            )
            for name, module in MODULES.items()
        ]
        turns = Turns(wishes=deque(await clinic.wishes()))
        for side in sides:
            await turns.take(side)  # to warm up
        turns.rates.clear()
        turns.cpu_ms.clear()
        for number in range(ROUNDS):
            for side in sides if number % 2 else reversed(sides):
                await turns.take(side)

    for name in MODULES:
        low, lost, high = statistics.quantiles(turns.lost(name), n=4)
        rate, cpu = statistics.median(turns.rates[name]), statistics.median(turns.cpu_ms[name])
        print(
            f"{name:<20} {rate:5.1f} visits/s, {cpu:6.2f} CPU-ms of the API a visit; costs"
            f" {lost:+.1%} of the rate, a half of the rounds {low:+.1%} to {high:+.1%}"
        )
    assert collector.batches > 0
    for name, share in AT_MOST.items():
        assert statistics.median(turns.lost(name)) <= share, name
