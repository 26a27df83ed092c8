"""A soak: steady bookings under random faults, all invariants, memory: `make soak MINUTES=20`.

A whole stack of its own on free loopback ports, in a temporary directory that is deleted at the
end. Load and faults come in rounds; after each the stack is healed, what is under way ends, and
I1 to I10 are checked from the database, Kafka, Temporal and the recorded answers. Our own processes
are killed during the first four minutes only, and five minutes later each of them is warm: from
then on it is one life of each whose memory is measured. Exit 1 on a violation, and on more memory
than allowed.
"""

import argparse
import asyncio
import gc
import math
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client

from adapters.process.exit import exit_process
from bench.http import Connection
from tests.faults.rig import gather
from tests.faults.rig.case import Case, Rig
from tests.faults.rig.front_end import BROKEN
from tests.faults.rig.history import Kind
from tests.faults.rig.load import Mix
from tests.faults.rig.report import Line, Report
from tests.faults.rig.stack import HOLD_SECONDS, stack_of_links
from tests.faults.rig.supply import SoldOut, stocked
from tests.faults.rig.tally import END, START, WARM, Tally
from tests.faults.rig.trouble import Trouble
from tests.payload_keys import as_stored

ROUND_SECONDS = 100.0
MINUTES_OF_A_STOCK = 6.0
"""How long the usual stock lasts at the very least, with as many patients as two cores serve."""
SHORTEST_ROUND = 20.0
OURS_ARE_KILLED_FOR = 240.0
WARM_AFTER = OURS_ARE_KILLED_FOR + 300.0
"""Five minutes of the youngest life: an interpreter a minute old still loads its code."""
REPLAYS_EVERY = 2.0
FILE = "soaks.jsonl"
SOAK = 0
"""The number of a case that is none of the listed ones."""


class LastLine(Report):
    """A round's line goes into the tally, not into the report of the fault cases."""

    line: Line | None = None

    def write(self, line: Line) -> None:
        self.line = line

    def take(self) -> Line | None:
        taken, self.line = self.line, None
        return taken


class Soak:
    """One soak on one rig."""

    def __init__(self, rig: Rig, lines: LastLine, *, every: float, users: int) -> None:
        self._rig = rig
        self._lines = lines
        self._every = every
        self._users = users
        self.tally = Tally()

    async def run(self, seconds: float) -> Tally:
        tally = self.tally
        tally.measure(START, self._pids())
        while (left := seconds - tally.seconds) > 0:
            known = len(tally.violations)
            await self._round(min(ROUND_SECONDS, max(SHORTEST_ROUND, left)))
            await self._empty_the_mailbox()
            print(tally.progress(), *tally.violations[known:], sep="\n  ", flush=True)
            if WARM not in tally.memory and tally.seconds >= WARM_AFTER:
                tally.measure(WARM, self._pids())
        tally.measure(END, self._pids())
        await self._count_audits()
        return tally

    async def _round(self, seconds: float) -> None:
        """One case of the rig: whatever it finds wrong is a violation, and the soak goes on."""
        ends = time.monotonic() + seconds
        spares_ours = self.tally.seconds > OURS_ARE_KILLED_FOR
        rounds: list[Case] = []
        try:
            async with self._rig.case(SOAK, "soak") as case:
                rounds.append(case)
                trouble = Trouble(case, every=self._every, spares_ours=spares_ours)
                async with case.load(self._users, mix=Mix()), self._old_keys(case):
                    await trouble.until(ends)
        except (AssertionError, TimeoutError, ExceptionGroup) as wrong:
            if isinstance(wrong, ExceptionGroup) and wrong.subgroup(SoldOut):
                raise
            self.tally.violations += str(wrong).splitlines()
        line = self._lines.take()
        if line is not None:
            self.tally.add(line, rounds[0].history)

    @asynccontextmanager
    async def _old_keys(self, case: Case) -> AsyncIterator[None]:
        replaying = asyncio.create_task(self._replay_old_keys(case))
        yield
        replaying.cancel()
        await asyncio.wait([replaying])
        if not replaying.cancelled():
            replaying.result()

    async def _replay_old_keys(self, case: Case) -> None:
        """Every now and then a page sends an old key again: it is given its old answer."""
        connection = Connection(case.stack.api)
        while True:
            await asyncio.sleep(random.uniform(0, 2 * REPLAYS_EVERY))
            held = [c for c in case.history.calls if c.kind is Kind.HOLD and c.status == 201]
            if not held:
                continue
            first = random.choice(held)
            headers = {"idempotency-key": first.booking.key}
            try:
                async with asyncio.timeout(10):
                    answer = await connection.request(
                        "POST", "/api/v1/appointments", first.booking.body, headers
                    )
            except BROKEN:
                await connection.close()
                continue
            if answer.status == 503:
                continue
            self.tally.replays += 1
            if (answer.status, answer.body) != (first.status, first.body):
                self.tally.violations.append(
                    f"key of {first.booking.appointment_id} was answered {answer}, "
                    f"before {first.status} {first.body}"
                )

    async def _empty_the_mailbox(self) -> None:
        """It keeps on purpose what it is sent; somebody empties it, as a person does."""
        mailbox = Connection(self._rig.stack.plan.mailbox or "")
        await mailbox.request("DELETE", "/messages")
        await mailbox.close()

    async def _count_audits(self) -> None:
        """How many audits there were, and what they had to mend."""
        audits, temporal = self.tally.audits, self._rig.temporal
        async for run in temporal.list_workflows("WorkflowType = 'AuditBookings'"):
            audits[run.status.name.lower() if run.status else "unknown"] += 1
            if run.status and run.status.name == "COMPLETED":
                report = await temporal.get_workflow_handle(run.id, run_id=run.run_id).result()
                audits.update({name: n for name, n in report.items() if type(n) is int and n})

    def _pids(self) -> dict[str, int]:
        return {name: self._rig.stack.pid(name) for name in self._rig.stack.supervisor.kept}


@asynccontextmanager
async def soaking_rig(home: Path, lines: LastLine, *, minutes: float) -> AsyncIterator[Rig]:
    async with stack_of_links(home, PRIYOM_HOLD_SECONDS=str(HOLD_SECONDS)) as stack:
        database_url = stack.address("postgres")
        await gather.write_journal(database_url)
        temporal = await Client.connect(stack.address("temporal"), data_converter=as_stored())
        yield Rig(
            stack=stack,
            supply=await stocked(
                database_url, stack.secret, times=math.ceil(minutes / MINUTES_OF_A_STOCK)
            ),
            temporal=temporal,
            report=lines,
            topic=gather.Topic(stack.address("kafka")),
            node="soak",
        )
        del temporal
        gc.collect()


async def soak(*, minutes: float, every: float, users: int) -> int:
    lines = LastLine()
    with tempfile.TemporaryDirectory(prefix="priyom-soak-") as folder:
        async with soaking_rig(Path(folder) / "home", lines, minutes=minutes) as rig:
            tally = await Soak(rig, lines, every=every, users=users).run(minutes * 60)
    tally.violations += tally.too_large()
    print("\n".join(tally.summary()))
    print(tally.keep(lines.folder / FILE))
    print(f"{'FAILED' if tally.violations else 'PASSED'}      {tally.progress().strip()}")
    return 1 if tally.violations else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5, help="how long, at most 240")
    parser.add_argument("--every", type=float, default=8, help="seconds between two faults")
    parser.add_argument("--users", type=int, default=8, help="patients at once")
    options = parser.parse_args()
    if not 0 < options.minutes <= 240:
        parser.error("--minutes is more than 0 and at most 240")
    return asyncio.run(soak(minutes=options.minutes, every=options.every, users=options.users))


if __name__ == "__main__":
    exit_process(main())
