"""The next release is deployed while patients book: nobody notices, and the old one is drained.

The stack is of its own: its tables are another release's when the case is over.
"""

import os
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from adapters.process.settings import deployment
from stack.plan import Plan
from stack.program import Program
from tests.faults.conftest import observed
from tests.faults.rig import gather
from tests.faults.rig.balancer import Balancer
from tests.faults.rig.case import Case
from tests.faults.rig.history import Booking, Call, Kind
from tests.faults.rig.laying import FRONT
from tests.faults.rig.load import Mix
from tests.faults.rig.next_release import NextRelease, next_release
from tests.faults.rig.stack import Stack, stack_of_links
from tests.faults.rig.waiting import until, until_seen
from tests.worker_builds import SOON_DRAINED, build_of, current_build, drained

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1200)]

A_SECOND = float(os.environ.get("BOOKINGS_A_SECOND", "20"))
"""Two slow cores bear a quarter of it while they start a second API, worker and notifier."""

HOLD_SECONDS = 60
PATIENTS = Mix(forget=0.05, think=20, alone=True)
"""At any moment as many hold a slot and think as come in ten seconds."""

OVER_THE_SWITCH = 2.5 * A_SECOND
"""So many of those holds, at least, are decided when the next build is the current one."""

FIRST, SECOND = deployment().worker_build_id, "the next release"
A_MOMENT = 2.0
"""Seconds until every queue of the server has heard which build is current."""

LONG_ENOUGH = 120.0
"""Seconds for each stage, on a machine that has other work."""

UNDER_WAY = "SELECT count(*) FROM notifications WHERE status = 'sending'"
STUCK = "SELECT DISTINCT event_id FROM notifications WHERE status = 'sending'"
FAILED = "SELECT count(*) FROM notifications WHERE status = 'failed'"
NOT_FILLED = """
SELECT count(*) FROM schedules
WHERE confirmed_at IS NOT NULL AND held_until IS NOT NULL AND thought_for IS NULL
"""
EVERY_WAIT_IS_LOGGED = (
    "ALTER SYSTEM SET deadlock_timeout = '100ms'",
    "ALTER SYSTEM SET log_lock_waits = on",
    "SELECT pg_reload_conf()",
)
WAITED = re.compile(r"acquired \w+ on relation \d+ of database \d+ after ([\d.]+) ms")


async def test_the_next_release_is_deployed_while_patients_book(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Its order of steps agrees with no open booking: right only as each is pinned to its build."""
    title = f"the next release, expand and contract, at {A_SECOND:g} bookings/s"
    async with (
        stack_of_links(
            tmp_path / "home",
            between={},
            alter=drains_soon,
            PRIYOM_HOLD_SECONDS=str(HOLD_SECONDS),
        ) as stack,
        observed(stack, hold_seconds=HOLD_SECONDS) as rig,
        next_release({**stack.plan.environment, **stack.plan.of_migrations}) as release,
    ):
        await told(stack, *EVERY_WAIT_IS_LOGGED)
        async with AsyncExitStack() as processes:
            async with replace(rig, node=request.node.nodeid).case(38, title) as case:
                apis = await balanced(stack)
                deploy = Deploy(case=case, release=release, processes=processes, apis=apis)
                async with case.arrivals(A_SECOND, mix=PATIENTS):
                    await deploy.take_place()
                deploy.seconds = time.time() - case.begun
                print("", *deploy.summary(), sep="\n")
                assert not deploy.failed_requests()

            await until_seen(deploy.everybody_is_told, "all told", within=LONG_ENOUGH)
            await deploy.each_booking_ended_on_the_build_that_began_it()
            await deploy.no_delivery_lost_its_way()
            assert await asked(stack, FAILED) == (0,)
            assert await asked(stack, NOT_FILLED) == (0,)


@dataclass(kw_only=True)
class Deploy:
    """One deploy, stage by stage, and what was seen of it."""

    case: Case
    release: NextRelease
    processes: AsyncExitStack
    apis: list[int]
    """The ports that the balancer leads to."""
    took: dict[str, float] = field(default_factory=dict)
    switched_at: float = 0.0
    alone_at: float = 0.0
    begun_after: list[Booking] = field(default_factory=list)
    under_way: list[str] = field(default_factory=list)
    filled_later: int = 0
    seconds: float = 0.0

    @property
    def stack(self) -> Stack:
        return self.case.stack

    async def take_place(self) -> None:
        await self.case.confirmed(int(3 * A_SECOND), within=LONG_ENOUGH)
        async with self.stage("expand"):
            await self.release.expand()
        await self.sms_is_refused(300)
        async with self.stage("the next release beside this one"):
            await self.start_beside()
        self.case.injected("a second build beside the first")
        self.under_way = [str(event) for (event,) in await rows(self.stack, STUCK)]
        await self.sms_is_refused(0)
        async with self.stage("both serve"):
            await self.case.confirmed(int(8 * A_SECOND), within=LONG_ENOUGH)
        async with self.stage("the API before is gone"):
            await self.take_the_old_api_out()
            await self.book_on_the_next()
        async with self.stage("the build before is drained"):
            await drained(self.case.rig.temporal, FIRST, within=LONG_ENOUGH)
            for name in ("worker", "notifier"):
                await self.stack.retire(name)
        (self.filled_later,) = await asked(self.stack, NOT_FILLED)
        async with self.stage("contract"):
            await self.release.contract()
        await self.case.confirmed(int(3 * A_SECOND), within=LONG_ENOUGH)

    @asynccontextmanager
    async def stage(self, name: str) -> AsyncIterator[None]:
        begun = time.time()
        yield
        self.took[name] = time.time() - begun

    async def start_beside(self) -> None:
        """Until its build is the current one, which it makes itself."""
        for name in ("notifier", "worker", "api"):
            port = await self.processes.enter_async_context(
                self.stack.another(
                    name, checkout=self.release.checkout, TEMPORAL_WORKER_BUILD_ID=SECOND
                )
            )
        self.apis.append(port)

        async def is_current() -> bool:
            return await current_build(self.case.rig.temporal) == SECOND

        await until_seen(is_current, "the next build is current", within=LONG_ENOUGH, every=2)
        self.switched_at = time.time()

    async def book_on_the_next(self) -> None:
        """The old API begins its own bookings on its own build, for as long as it is asked."""
        for _ in range(4):
            booking = self.case.booking()
            assert (await self.case.insist(Kind.HOLD, booking)).status == 201
            assert (await self.case.insist(Kind.CONFIRM, booking)).status == 200
            self.begun_after.append(booking)

    async def take_the_old_api_out(self) -> None:
        """As a load balancer does: no new connection, and those that are open end."""
        self.alone_at = time.time()
        port, api = self.apis.pop(0), psutil.Process(self.stack.pid("api"))

        def nobody_is_connected() -> bool:
            return not any(
                each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED
                for each in api.net_connections()
            )

        await until(nobody_is_connected, "nobody is connected", within=LONG_ENOUGH)
        await self.stack.retire("api")

    async def sms_is_refused(self, times: int) -> None:
        """Deliveries stay under way; 0 lets them go on."""
        async with httpx.AsyncClient(trust_env=False) as http:
            url = f"{self.stack.plan.mailbox}/faults"
            refused = {"channel": "sms", "status": 503, "times": times}
            (await http.post(url, json=refused)).raise_for_status()

    async def everybody_is_told(self) -> bool:
        return await asked(self.stack, UNDER_WAY) == (0,)

    def failed_requests(self) -> Counter[str]:
        """Nobody competes for a slot here, so every call has to be done."""
        calls = self.case.history.calls
        return Counter(f"{c.kind} {c.status} {c.code}" for c in calls if c.status not in {200, 201})

    def held_over_the_switch(self) -> list[Booking]:
        """Held before it, and decided after it."""
        held = {c.booking.key for c in self._calls(Kind.HOLD) if c.ended < self.switched_at - 1}
        decided = [*self._calls(Kind.CONFIRM), *self._calls(Kind.EXTEND)]
        later = {c.booking.key: c.booking for c in decided if c.begun > self.switched_at}
        return [booking for key, booking in later.items() if key in held]

    async def each_booking_ended_on_the_build_that_began_it(self) -> None:
        over = self.held_over_the_switch()
        assert len(over) >= OVER_THE_SWITCH
        assert set(await self._builds_of(over)) == {FIRST}
        assert set(await self._builds_of(self.begun_after)) == {SECOND}
        both = [
            call.booking
            for call in self._calls(Kind.HOLD)
            if self.switched_at + A_MOMENT < call.begun < self.alone_at
        ]
        print(f"begun while both served: {await self._builds_of(both)}")

    async def no_delivery_lost_its_way(self) -> None:
        assert self.under_way
        runs, _ = await gather.Runs(client=self.case.rig.temporal).told(self.under_way)
        assert {run.status for run in runs} == {"COMPLETED"}
        assert [run.task_failures for run in runs if run.task_failures] == []

    def summary(self) -> Iterator[str]:
        calls, failed = self.case.history.calls, self.failed_requests()
        rate = len(self._calls(Kind.HOLD)) / self.seconds
        yield f"{rate:.1f} bookings/s for {self.seconds:.0f} s, {len(calls)} calls, {failed} failed"
        for kind in (Kind.HOLD, Kind.CONFIRM):
            times = sorted(call.seconds * 1000 for call in self._calls(kind))
            yield f"{kind}: p50 {median(times):.0f} ms, p99 {times[int(len(times) * 0.99)]:.0f} ms"
        for name, seconds in self.took.items():
            yield f"{name}: {seconds:.1f} s"
        yield f"held over the switch: {len(self.held_over_the_switch())}"
        yield f"deliveries under way at the switch: {len(self.under_way)}"
        yield f"visits filled by the contract: {self.filled_later}"
        waits = WAITED.findall((self.stack.home.logs / "postgres.log").read_text())
        longest = max(map(float, waits), default=0)
        yield f"waits of over 100 ms for a table's lock: {len(waits)}, {longest:.0f} ms at most"

    def _calls(self, kind: Kind) -> list[Call]:
        return [call for call in self.case.history.calls if call.kind is kind]

    async def _builds_of(self, bookings: list[Booking]) -> Counter[str]:
        return Counter([await build_of(self.case.run_of(each)) for each in bookings])


async def balanced(stack: Stack) -> list[int]:
    """Put a balancer before the API: the ports that it leads to, which may be changed."""
    link = stack.link(FRONT, "api")
    apis = [link.target]
    await link.close()
    stack.links[FRONT, "api"] = balancer = Balancer(link.port, lambda: apis)
    await balancer.open()
    return apis


def drains_soon(plan: Plan) -> None:
    make = plan.servers["temporal"]
    more = [
        argument
        for name, value in SOON_DRAINED.items()
        for argument in ("--dynamic-config-value", f"{name}={value}")
    ]

    def make_with_more() -> Program:
        program = make()
        return replace(program, argv=[*program.argv, *more])

    plan.servers["temporal"] = make_with_more


async def told(stack: Stack, *statements: str) -> None:
    url = stack.address("postgres")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for statement in statements:
            await connection.execute(statement.encode())


async def rows(stack: Stack, query: str) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(stack.address("postgres")) as connection:
        return await (await connection.execute(query.encode())).fetchall()


async def asked(stack: Stack, query: str) -> tuple[Any, ...]:
    return (await rows(stack, query))[0]
