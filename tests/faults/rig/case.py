"""One fault case: load during the fault and its healing, then every invariant, then the report.

async with rig.case(3, "kill -9 worker while patients wait", api_serves="reads") as case:
    async with case.load(clients=6):
        await case.confirmed(5)
        case.stack.kill("worker")
        case.injected("kill -9 worker")
        await case.confirmed(5)
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from temporalio.client import Client, WorkflowHandle

from domain.events import booking_workflow_id, cancel_workflow_id
from tests.faults.rig import gather
from tests.faults.rig.evidence import Evidence
from tests.faults.rig.front_end import FrontEnd
from tests.faults.rig.history import Booking, Call, History, Kind
from tests.faults.rig.invariants import (
    CLOSED_WITHIN,
    INVARIANTS,
    TOLD_WITHIN,
    Finding,
)
from tests.faults.rig.load import Load, Mix
from tests.faults.rig.report import Line, Report
from tests.faults.rig.resolving import resolve
from tests.faults.rig.stack import HOLD_SECONDS, Stack
from tests.faults.rig.supply import Supply
from tests.faults.rig.telling import until_told
from tests.faults.rig.waiting import IN_TIME, until, until_seen

PULSE = 0.1
LAST_WORDS = 64 * 1024
"""Bytes of each log that are kept of a failed case."""


@dataclass(kw_only=True)
class Rig:
    """The stack and its observers, for all cases of a session."""

    stack: Stack
    supply: Supply
    temporal: Client
    report: Report
    topic: gather.Topic
    hold_seconds: float = HOLD_SECONDS
    node: str = ""
    log_sizes: dict[Path, int] = field(default_factory=dict)

    @asynccontextmanager
    async def case(
        self, number: int, title: str, *, api_serves: str = "all"
    ) -> AsyncIterator["Case"]:
        """Everything is healed and ready before and after; the checks fail the test.

        With an API that serves reads the bookings are run by the worker process alone.
        """
        await self.stack.heal()
        case = Case(rig=self, number=number, title=title)
        pulse = asyncio.create_task(case.feel_the_machine())
        try:
            async with self._api_serving(api_serves):
                yield case
        except BaseException:
            case.tell()
            raise
        finally:
            pulse.cancel()
            case.count_links()
            await self.stack.heal()
        case.healed_at = time.time()
        case.evidence = await case.gathered()
        # In a thread: the proxies run in this loop and must not stall.
        findings = {
            name: await asyncio.to_thread(check, case.evidence)
            for name, check in INVARIANTS.items()
        }
        self.report.write(case.line(findings))
        wrong = [f"{name}: {each}" for name, found in findings.items() for each in found.wrong]
        if wrong:
            case.tell()
        assert not wrong, "\n".join(wrong)
        assert sum(case.injections.values()), f"case {number}: nothing was injected"

    def _api_serving(self, what: str) -> AbstractAsyncContextManager[None]:
        return nullcontext() if what == "all" else self.stack.told("api", PRIYOM_API_SERVES=what)


@dataclass(kw_only=True)
class Case:
    """A running case. It reports its faults by `injected`; actions of links are counted."""

    rig: Rig
    number: int
    title: str
    history: History = field(default_factory=History)
    injections: Counter[str] = field(default_factory=Counter)
    stopped: set[UUID] = field(default_factory=set)
    nobody_to_answer: list[tuple[float, float]] = field(default_factory=list)
    lags: list[tuple[float, float]] = field(default_factory=list)
    begun: float = field(default_factory=time.time)
    healed_at: float = 0.0
    evidence: Evidence = field(init=False)
    """The evidence, after the block of the case."""

    @property
    def stack(self) -> Stack:
        return self.rig.stack

    def injected(self, what: str, times: int = 1) -> None:
        self.injections[what] += times

    def load(
        self, clients: int = 5, *, mix: Mix | None = None
    ) -> AbstractAsyncContextManager[None]:
        """A closed loop of this many front ends, while the block runs."""
        load = Load(self.stack.api, self.rig.supply, self.history, mix or Mix())
        return load.of(clients)

    def arrivals(
        self, a_second: float, *, mix: Mix | None = None
    ) -> AbstractAsyncContextManager[None]:
        """An open loop: this many new patients a second, however slow the earlier ones are."""
        load = Load(self.stack.api, self.rig.supply, self.history, mix or Mix())
        return load.arriving(a_second)

    def front_end(self) -> FrontEnd:
        """A separate client beside the load. Its calls are part of the history."""
        return FrontEnd(self.stack.api, self.history)

    async def insist(self, kind: Kind, booking: Booking) -> Call:
        """Ask by a separate front end, repeatedly until the outcome is known."""
        front_end = self.front_end()
        try:
            return await front_end.insist(kind, booking)
        finally:
            await front_end.close()

    async def insist_quietly(self, kind: Kind, booking: Booking) -> Call:
        """The same for a call about something else than the booking of that id."""
        front_end = FrontEnd(self.stack.api, History())
        try:
            return await front_end.insist(kind, booking)
        finally:
            await front_end.close()

    def run_of(self, booking: Booking) -> WorkflowHandle[Any, Any]:
        return self.rig.temporal.get_workflow_handle(booking_workflow_id(booking.appointment_id))

    async def runs_of(self, booking: Booking, *, within: float = IN_TIME) -> int:
        """How many runs this workflow id has had.

        Temporal lists runs with a delay, so wait until the list has the first one.
        """
        listed = f"WorkflowId = '{booking_workflow_id(booking.appointment_id)}'"
        found = 0

        async def one_is_listed() -> bool:
            nonlocal found
            found = (await self.rig.temporal.count_workflows(listed)).count
            return found > 0

        await until_seen(one_is_listed, "the run is listed", within=within)
        return found

    def booking(self) -> Booking:
        """A separate wish, for a slot that the load does not use."""
        return self.rig.supply.booking(self.rig.supply.slot())

    @asynccontextmanager
    async def nobody_can_answer(self) -> AsyncIterator[None]:
        """The API itself is stopped or dead in the block, which ends when every part is ready."""
        with self.answers_are_excused():
            yield
            await self.stack.ready()

    @contextmanager
    def answers_are_excused(self) -> Iterator[None]:
        """I10 does not judge the calls that were under way during the block."""
        begun = time.time()
        try:
            yield
        finally:
            self.nobody_to_answer.append((begun, time.time()))

    async def confirmed(self, more: int, *, within: float = IN_TIME) -> None:
        """Wait for this many more answered confirmations."""
        await self.answered(Kind.CONFIRM, 200, more, within=within)

    async def answered(
        self, kind: Kind, status: int, more: int, *, within: float = IN_TIME
    ) -> None:
        """Wait for this many more answers of that kind."""
        wanted = self.history.count(kind, status) + more
        try:
            await until(
                lambda: self.history.count(kind, status) >= wanted,
                f"{more} more answers {kind} {status}",
                within=within,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}; there were {self.history.answers()}") from None

    async def feel_the_machine(self) -> None:
        """Measure how late a timer fires."""
        while True:
            due = time.time() + PULSE
            await asyncio.sleep(PULSE)
            self.lags.append((due, time.time() - due))

    def tell(self) -> None:
        """Save every call and the end of each log, for the person who examines the case."""
        folder = self.rig.report.folder
        self.history.write(folder / f"case-{self.number}.history.jsonl")
        for log in self.stack.home.logs.glob("*.log"):
            (folder / f"case-{self.number}.{log.name}").write_bytes(log.read_bytes()[-LAST_WORDS:])

    def count_links(self) -> None:
        """Add what each proxy did since the case began to what was injected."""
        for proxy in self.stack.links.values():
            for deed, times in proxy.counts.items():
                self.injections[f"{deed} ({proxy.name})"] += times
            proxy.counts.clear()

    async def gathered(self) -> Evidence:
        await resolve(self.history, self.front_end)
        await self._runs_closed()
        evidence = await self._evidence()
        return await until_told(evidence, self.rig.topic, last=self.healed_at + TOLD_WITHIN)

    def line(self, findings: dict[str, Finding]) -> Line:
        history = self.history
        return Line(
            case=self.number,
            title=self.title,
            injected={what: times for what, times in self.injections.items() if times},
            bookings=history.count(Kind.CONFIRM, 200),
            holds=history.count(Kind.HOLD, 201),
            calls=len(history.calls),
            unknown=history.unknown(),
            answers=history.answers(),
            checked={name: found.checked for name, found in findings.items()},
            wrong={name: len(found.wrong) for name, found in findings.items() if found.wrong},
            seconds=round(time.time() - self.begun, 1),
            test=self.rig.node,
        )

    async def _runs_closed(self) -> None:
        """Runs that are still open afterwards are reported by I7."""
        left = self.rig.hold_seconds + CLOSED_WITHIN
        runs, ids = gather.Runs(client=self.rig.temporal), set(self._run_ids())

        async def all_closed() -> bool:
            return await runs.all_closed(ids)

        with suppress(AssertionError):
            await until_seen(all_closed, "all runs closed", within=left, every=0.25)

    def _run_ids(self) -> list[str]:
        """A refusal by the API itself started no run; cancelling a hold started no second one."""
        cancelled = {c.booking.appointment_id for c in self.history.calls if c.kind is Kind.CANCEL}
        begun = [booking_workflow_id(id_) for id_ in self.history.bookings]
        return begun + [cancel_workflow_id(id_) for id_ in cancelled]

    async def _evidence(self) -> Evidence:
        rig, ids = self.rig, list(self.history.bookings)
        database = gather.Database(url=rig.stack.address("postgres"))
        patients = [rig.supply.patients.popleft() for _ in range(gather.MOST_PROBED)]
        probed, not_bookable = await database.trial_of_lapsed(ids, patients)
        records = await rig.topic.records()
        runs, histories = await gather.Runs(client=rig.temporal).told(self._run_ids())
        places = {
            "Kafka": records,
            "Temporal": histories,
            "Redis": await gather.cached(rig.stack.address("valkey")),
            **{
                name: [text]
                for name, text in gather.logged(rig.stack.home.logs, rig.log_sizes).items()
            },
        }
        events = gather.events_in(records)
        return Evidence(
            bookings=self.history.bookings,
            calls=self.history.calls,
            rows=await database.rows(ids),
            changes=await database.changes(ids),
            events=[e for e in events if e.appointment_id in self.history.bookings],
            runs=runs,
            now=time.time(),
            healed_at=self.healed_at,
            hold_seconds=rig.hold_seconds,
            stopped=frozenset(self.stopped),
            not_bookable=not_bookable,
            lapsed_probed=probed,
            leaks=gather.leaks(places),
            places_read=sum(len(pieces) for pieces in places.values()),
            nobody_to_answer=self.nobody_to_answer,
            lags=self.lags,
        )
