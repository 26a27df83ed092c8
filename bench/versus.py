"""This checkout beside another one, in turns: `python -m bench.versus --against PATH`.

Each checkout starts its own stack with its own supervisor, in a home of its own. One of them runs
at a time: the processes of the other are stopped (SIGSTOP) meanwhile. Users hold and confirm over
HTTP, as in `make bench`. Prints the medians of the rounds and the ratios within each round.
"""

import argparse
import asyncio
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import psutil
from aiokafka import AIOKafkaConsumer

from adapters.process.exit import exit_process
from bench import engines, report, topic, truth
from bench.arena import SHARED, TELLERS, alone, open_counters, open_topic, paused
from bench.engines import Engine
from bench.figures import PRODUCT, Turn, measures, quietest
from bench.free_slots import read_wishes
from bench.match import CORES, tries_of
from bench.messages import NO_QUIET_HOURS, everybody_is_told
from bench.readers import Told, read, request
from bench.reads import days_of
from bench.turns import Turns, end_on_sigterm, events_are_all, exit_code_of, say
from stack import run_state
from stack.embedded import SIGNED_OFF, running
from stack.errors import StackError
from stack.home import CHECKOUT
from stack.names import SERVERS
from stack.ports import LOOPBACK, Ports
from stack.prepare import prepare
from stack.probes import http_answers
from stack.program import Program

OTHER = "other"
DAYS_READ = 40
PAGE_EVERY = 10
"""Of ten reads nine are days, one is a page."""


@dataclass(kw_only=True)
class Side:
    """One checkout's stack while it runs, and what was measured of it."""

    name: str
    checkout: Path
    home: Path
    reads_at: str = ""
    reads_pid: int | None = None
    requests: list[bytes] = field(default_factory=list)

    @property
    def state(self) -> run_state.RunState:
        """As it is now: a process that was started again has another pid."""
        state = run_state.read(self.home / "run.json")
        if state is None:
            raise StackError(f"the stack of {self.checkout} is gone")
        return state

    @property
    def database_url(self) -> str:
        return self.state["databaseUrl"] or ""

    @property
    def engine(self) -> Engine:
        state = self.state
        own = [(name, pid) for name, pid in state["pids"].items() if pid and name not in SHARED]
        if self.reads_pid is not None:
            own.append(("api-reads", self.reads_pid))
        return replace(engines.product(state), name=self.name, pids=tuple(own))

    async def call(self, *arguments: str, **settings: str) -> None:
        """A command of this checkout's own `make`."""
        python = self.checkout / ".venv" / "bin" / "python"
        process = await asyncio.create_subprocess_exec(
            *(str(python) if python.exists() else sys.executable, "-m", "stack", *arguments),
            cwd=self.checkout,
            env={
                **os.environ,
                **NO_QUIET_HOURS,
                **_nobody_signs_in(self.checkout),
                **settings,
                "PRIYOM_HOME": str(self.home),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise StackError(f"{self.checkout}: stack {arguments[0]}\n{output.decode()}")

    async def read(self, seconds: float, *, connections: int) -> Told:
        """Days and pages, by closed-loop readers; they ask the process that serves reads."""
        return await read(self.reads_at, self.requests, connections=connections, seconds=seconds)


def _nobody_signs_in(checkout: Path) -> dict[str, str]:
    """A checkout that knows of no sign-in takes the setting for a typing error."""
    knows = "PRIYOM_SIGN_IN" in (checkout / ".env.example").read_text()
    return SIGNED_OFF if knows else {}


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A side with its place in its list of wishes."""

    side: Side
    turns: Turns
    consumer: AIOKafkaConsumer


async def compare(options: argparse.Namespace) -> int:
    end_on_sigterm()
    async with AsyncExitStack() as things:
        sides = [(PRODUCT, CHECKOUT), (OTHER, options.against.resolve())]
        lanes = [await _lane(name, checkout, options, things) for name, checkout in sides]
        things.enter_context(paused([lane.side.engine for lane in lanes]))
        taken = await _rounds(lanes, options)
        problems = [text for lane in lanes for text in await _problems(lane, taken)]
    for text in (*summary([quietest(tries, CORES) for tries in taken]), *problems):
        say(text)
    return 1 if problems else 0


async def _lane(
    name: str, checkout: Path, options: argparse.Namespace, things: AsyncExitStack
) -> Lane:
    say(f"starting {name}: {checkout}")
    apart = options.apart and name == PRODUCT
    side = await things.enter_async_context(_started(name, checkout, apart=apart))
    if not options.deliveries:
        for teller in reversed(TELLERS):
            await side.call("stop", teller)
    await side.call("seed", f"--doctors={options.doctors}", "--days=28")
    if options.readers:
        side.requests = await _requests(side.reads_at)
    state = side.state
    counters = await open_counters(state, things)
    consumer = await open_topic(state, things)
    wishes = await read_wishes(side.database_url)
    turns = Turns(wishes, counters, consumer)
    return Lane(side=side, turns=turns, consumer=consumer)


@asynccontextmanager
async def _started(name: str, checkout: Path, *, apart: bool) -> AsyncIterator[Side]:
    side = Side(name=name, checkout=checkout, home=Path(tempfile.mkdtemp(prefix=f"priyom-{name}-")))
    try:
        await side.call("up", **({"PRIYOM_API_SERVES": "commands"} if apart else {}))
        side.reads_at = side.state["api"] or ""
        async with AsyncExitStack() as things:
            if apart:
                await _serve_reads(side, things)
            yield side
    finally:
        await side.call("reset")


async def _serve_reads(side: Side, things: AsyncExitStack) -> None:
    """One more api process, told the same as the first but for what it serves and where."""
    ports = Ports()
    things.callback(ports.release)
    port = ports.take()
    first = psutil.Process(side.state["pids"]["api"]).environ()
    program = Program(
        name="api-reads",
        argv=[sys.executable, "-m", "api"],
        env={**first, "PRIYOM_API_SERVES": "reads", "PRIYOM_API_PORT": str(port)},
        ready=partial(http_answers, f"http://{LOOPBACK}:{port}/readyz"),
        port=port,
        grace=20,
    )
    process = await things.enter_async_context(running(program, side.home / "logs"))
    side.reads_at, side.reads_pid = f"http://{LOOPBACK}:{port}", process.pid


async def _requests(api: str) -> list[bytes]:
    """Days, and between them the pages that show the doctors and one doctor's times."""
    days = (await days_of(api))[:DAYS_READ]
    found: list[bytes] = []
    for number, path in enumerate(days, start=1):
        found.append(request(path))
        if number % (PAGE_EVERY - 1) == 0:
            page = "/" if number % 2 else f"/book/{path.split('/')[4]}"
            found.append(request(page))
    return found


async def _rounds(lanes: Sequence[Lane], options: argparse.Namespace) -> list[list[Turn]]:
    """A B, then B A, so that neither is always the second; all tries of each turn."""
    taken: list[list[Turn]] = []
    for number in range(1, options.rounds + 1):
        for users in options.users:
            for lane in lanes if number % 2 else reversed(lanes):
                like = Turn(engine=lane.side.name, round=number, users=users)
                take = partial(_take, lane, options)
                taken.append(await tries_of(take, like, say, retakes=options.retakes))
    return taken


async def _take(lane: Lane, options: argparse.Namespace, turn: Turn) -> Turn:
    side = lane.side
    with alone(side.engine):
        return await lane.turns.take(
            side.engine,
            turn,
            seconds=options.seconds,
            settle=everybody_is_told(side.database_url) if options.deliveries else events_are_all,
            readers=partial(side.read, connections=options.readers) if options.readers else None,
        )


async def _problems(lane: Lane, taken: Sequence[Sequence[Turn]]) -> list[str]:
    """Answers that the rows or the events deny, and reads that were refused."""
    own = [turn for tries in taken for turn in tries if turn.engine == lane.side.name]
    rows, overlaps = await truth.rows_of(lane.side.database_url)
    name, events = lane.side.name, await topic.announced(lane.consumer)
    problems = truth.wrong(own, {name: rows}, {name: overlaps}, events)
    refused = {status for turn in own for status in turn.reads if status != 200}
    return [f"void: {text}" for text in problems] + (
        [f"void: {name}: reads were answered {sorted(refused)}"] if refused else []
    )


def summary(turns: Sequence[Turn]) -> list[str]:
    """What each side did in the median, and the ratios by round."""
    lines = ["", "Medians of the rounds:"]
    for users in dict.fromkeys(turn.users for turn in turns):
        for name in (PRODUCT, OTHER):
            some = [measures(t) for t in turns if (t.engine, t.users) == (name, users)]
            told = "  ".join(
                f"{measure} {statistics.median(each[measure] for each in some):.1f}"
                for measure in some[0]
            )
            lines.append(f"{name:<8} {users:>3} users  {told}")
    lines += ["", "What a booking costs (medians of the rounds):", *report.costs(turns)]
    lines += ["", "This checkout / the other, in the same round (median, and each round):"]
    return lines + report.ratio_lines(turns)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.versus", description=__doc__)
    parser.add_argument("--against", type=Path, required=True, help="the other checkout")
    parser.add_argument("--users", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--seconds", type=float, default=5, help="of a turn, warm-up excluded")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--retakes", type=int, default=1, help="of a turn that others disturbed")
    parser.add_argument("--deliveries", choices=("on", "off"), default="off")
    parser.add_argument("--readers", type=int, default=0, help="closed-loop readers beside")
    parser.add_argument("--apart", action="store_true", help="our api as commands and reads")
    parser.add_argument("--doctors", type=int, default=200)
    options = parser.parse_args()
    options.deliveries = options.deliveries == "on"
    return options


def main() -> int:
    options = _options()
    engines.forget_servers()
    prepare(SERVERS)
    say(shlex.join(["python", "-m", "bench.versus", *sys.argv[1:]]))
    return exit_code_of(lambda: asyncio.run(compare(options)))


if __name__ == "__main__":
    exit_process(main())
